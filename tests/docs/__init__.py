"""The pages that users read: what they tell to type is typed here."""
