"""One picture, in this process. Untrusted bytes belong in `processor.ImageProcessor`, which calls this in a child."""

import hashlib
import warnings
from io import BytesIO
from pathlib import PurePosixPath

import imagehash
from PIL import Image, ImageCms, ImageOps

from hierarchy.imaging.values import FORMAT_OF_SUFFIX, ImageLimits, ImageRefused, ProcessedImage, RefusalReason

LARGE_SIDE = 1024
SMALL_SIDE = 320
JPEG_QUALITY = 88

DEFAULT_LIMITS = ImageLimits()


def process_image(data: bytes, *, name: str, limits: ImageLimits = DEFAULT_LIMITS) -> ProcessedImage:
    """Decode the first frame, turn it upright, convert it to sRGB on white and encode it as two new JPEG files.

    The longest sides are LARGE_SIDE and SMALL_SIDE at most; nothing is enlarged. The same bytes give the same files
    under the same version of Pillow. `name` is the file's: its suffix, the first bytes and the decoder must agree.
    Raises ImageRefused, and nothing else, for any bytes. The limits of time and memory are the caller's to enforce.
    """
    image_format = _check_format(data, name=name, limits=limits)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata and of sizes that are checked here anyway
            large = _decode(data, image_format=image_format, limits=limits)
            perceptual_hash = int(str(imagehash.phash(large)), 16)
            small = large.copy()
            _shrink(small, SMALL_SIDE)
            return ProcessedImage(
                sha256=hashlib.sha256(data).digest(),
                perceptual_hash=int.from_bytes(perceptual_hash.to_bytes(8, "big"), "big", signed=True),
                width=large.width,
                height=large.height,
                small_width=small.width,
                small_height=small.height,
                format=image_format,
                large=_encode(large),
                small=_encode(small),
            )
    except ImageRefused:
        raise
    except Exception as error:  # there is no exception that a decoder given hostile bytes may not raise
        raise _refusal_for(error) from error


def _check_format(data: bytes, *, name: str, limits: ImageLimits) -> str:
    expected = FORMAT_OF_SUFFIX.get(PurePosixPath(name).suffix.lower())
    actual = _format_of_magic(data)
    if not data:
        raise ImageRefused(RefusalReason.EMPTY, "the file is empty")
    if len(data) > limits.max_bytes:
        raise ImageRefused(RefusalReason.TOO_LARGE, f"{len(data)} bytes, at most {limits.max_bytes} are taken")
    if expected is None:
        raise ImageRefused(RefusalReason.UNSUPPORTED_FORMAT, "only JPEG, PNG, WebP and GIF are taken")
    if actual is None:
        raise ImageRefused(RefusalReason.NOT_AN_IMAGE, "the first bytes are not those of a JPEG, PNG, WebP or GIF")
    if actual != expected:
        raise ImageRefused(RefusalReason.WRONG_EXTENSION, f"named as {expected}, but the content is {actual}")
    return actual


def _format_of_magic(data: bytes) -> str | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    return None


def _decode(data: bytes, *, image_format: str, limits: ImageLimits) -> Image.Image:
    with Image.open(BytesIO(data), formats=[image_format]) as opened:
        width, height = opened.size
        if width * height > limits.max_pixels or max(width, height) > limits.max_side:
            detail = f"{width} x {height}, at most {limits.max_pixels} pixels and {limits.max_side} a side are taken"
            raise ImageRefused(RefusalReason.TOO_MANY_PIXELS, detail)
        # Made small before anything else: JPEG then decodes at a fraction of its size, the rest converts less.
        image = _with_continuous_tones(opened)
        _shrink(image, LARGE_SIDE)
        upright = ImageOps.exif_transpose(image)
    profile = upright.info.get("icc_profile")
    return _without_metadata(_to_srgb(_on_white(upright), profile=profile))


def _with_continuous_tones(image: Image.Image) -> Image.Image:
    """The image in a mode that can be resized and flattened: L, RGB, RGBA or CMYK."""
    if image.mode.startswith("I"):  # 16 bits of grey, which convert("L") would clip instead of scaling
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _shrink(image: Image.Image, side: int) -> None:
    """In place, and never the other way."""
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(image, mask=image.getchannel("A"))
    return canvas


def _to_srgb(image: Image.Image, *, profile: bytes | None) -> Image.Image:
    if profile:
        try:
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, BytesIO(profile), srgb, outputMode="RGB")
        except ImageCms.PyCMSError:
            converted = None  # a broken profile, or one for other channels, says nothing about these colours
        if converted is not None:
            return converted
    return image.convert("RGB")


def _without_metadata(image: Image.Image) -> Image.Image:
    """The pixels alone: a comment, unlike EXIF, would survive saving the same image as JPEG."""
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    return clean


def _encode(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True, progressive=False)
    return buffer.getvalue()


def _refusal_for(error: Exception) -> ImageRefused:
    text = str(error) or "no detail"
    if isinstance(error, Image.DecompressionBombError):
        return ImageRefused(RefusalReason.TOO_MANY_PIXELS, text)
    if isinstance(error, MemoryError) or "out of memory" in text:
        return ImageRefused(RefusalReason.TOO_MUCH_MEMORY, "decoding it needs more memory than one picture may take")
    if "truncated" in text.lower():
        return ImageRefused(RefusalReason.TRUNCATED, "the file ends before the picture does")
    return ImageRefused(RefusalReason.DAMAGED, f"{type(error).__name__}: {text}"[:300])
