"""What can be wrong with images, in words for the operator."""


class ImageError(Exception):
    """Something cannot be done with an image.

    Attributes:
        sentence: what is wrong.
        advice: what to do about it; may be empty.
    """

    def __init__(self, sentence: str, advice: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.advice = advice


class NoProgram(ImageError):
    """There is no `qemu-img` on the PATH."""

    def __init__(self) -> None:
        super().__init__(
            "qemu-img is not on the PATH of this host",
            "It is in the package qemu-utils (Debian, Ubuntu) or qemu-img (Fedora, SUSE).",
        )


class Exists(ImageError):
    """The target is there already, and it was not said that it may go."""


def from_os(error: OSError, path: object) -> ImageError:
    """An error of the operating system, with the file it is about."""
    return ImageError(f"{path}: {error.strerror or error}")
