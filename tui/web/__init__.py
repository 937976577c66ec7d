"""The screen in a browser: `blockdeck serve`."""
