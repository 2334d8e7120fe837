import hashlib
import struct
import zlib

import imagehash
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from hierarchy.imaging.decode import process_image
from hierarchy.imaging.values import ImageLimits, ImageRefused
from tests.hierarchy.picture_files import decoded, encode, jpeg, make_image

NAMES = {"JPEG": "a.jpg", "PNG": "a.png", "WEBP": "a.webp", "GIF": "a.gif"}


def refusal_of(data, *, name, **limits):
    with pytest.raises(ImageRefused) as caught:
        process_image(data, name=name, limits=ImageLimits(**limits))
    return caught.value.reason


def colour_at(data, x, y):
    return decoded(data).convert("RGB").getpixel((x, y))


def is_near(colour, expected, tolerance=12):
    return all(abs(a - b) <= tolerance for a, b in zip(colour, expected, strict=True))


def png_with_size(width, height):
    """A PNG of one bit per pixel that announces a size and holds almost nothing."""
    body = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    header = b"IHDR" + body
    chunk = struct.pack(">I", len(body)) + header + struct.pack(">I", zlib.crc32(header))
    pixels = struct.pack(">I", 100) + b"IDAT" + zlib.compress(bytes(100))
    return b"\x89PNG\r\n\x1a\n" + chunk + pixels


@pytest.mark.parametrize("image_format", NAMES)
def test_each_format_becomes_two_jpegs_known_by_the_hash_of_the_original(image_format):
    data = encode(make_image(size=(600, 400)), image_format)

    result = process_image(data, name=NAMES[image_format])

    assert result.sha256 == hashlib.sha256(data).digest()
    assert (result.format, result.width, result.height) == (image_format, 600, 400)
    assert (decoded(result.large).format, decoded(result.large).size) == ("JPEG", (600, 400))
    assert (decoded(result.small).format, decoded(result.small).size) == ("JPEG", (320, 213))


def test_large_pictures_shrink_and_small_ones_are_not_enlarged():
    large = process_image(jpeg(size=(3000, 1500)), name="a.jpg")
    small = process_image(jpeg(size=(50, 20)), name="a.jpg")

    assert (large.width, large.height, decoded(large.small).size) == (1024, 512, (320, 160))
    assert (small.width, small.height, decoded(small.small).size) == (50, 20, (50, 20))


def test_the_same_bytes_give_the_same_files():
    data = jpeg(size=(1300, 700))

    assert process_image(data, name="a.jpg") == process_image(data, name="b.JPEG")


@pytest.mark.parametrize("colour", ["red", "white"])
def test_the_perceptual_hash_is_the_signed_form_of_imagehash(colour):
    result = process_image(jpeg(size=(300, 200), colour=colour), name="a.jpg")

    expected = imagehash.phash(decoded(jpeg(size=(300, 200), colour=colour)))
    assert -(2**63) <= result.perceptual_hash < 2**63
    assert f"{result.perceptual_hash % 2**64:016x}" == str(expected)


def test_the_header_is_judged_before_anything_is_decoded():
    assert refusal_of(png_with_size(9000, 9000), name="a.png") == "TOO_MANY_PIXELS"
    assert refusal_of(png_with_size(19000, 19000), name="a.png") == "TOO_MANY_PIXELS"
    assert refusal_of(png_with_size(40_000, 1), name="a.png") == "TOO_MANY_PIXELS"
    assert refusal_of(png_with_size(7000, 7000), name="a.png") == "TRUNCATED"


def test_what_follows_the_picture_is_gone():
    data = encode(make_image(), "PNG") + b"<script>alert(1)</script>"

    result = process_image(data, name="a.png")

    assert b"script" not in result.large + result.small


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_position_and_comments_are_gone(image_format):
    exif = Image.Exif()
    exif[0x010E] = "secret description"
    exif.get_ifd(0x8825)[1] = "secret north"
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "secret text")
    options: dict[str, dict[str, object]] = {
        "JPEG": {"comment": b"secret comment", "dpi": (99, 99)},
        "PNG": {"pnginfo": text},
        "WEBP": {"xmp": b"secret xmp"},
    }
    data = encode(make_image(), image_format, exif=exif, **options[image_format])

    result = process_image(data, name=NAMES[image_format])

    assert b"secret" in data
    assert b"secret" not in result.large + result.small
    assert not {"exif", "comment", "icc_profile", "xmp", "dpi"} & set(decoded(result.large).info)


def test_a_gif_comment_is_gone():
    data = encode(make_image(), "GIF", comment=b"secret comment")

    result = process_image(data, name="a.gif")

    assert b"secret" in data
    assert b"secret" not in result.large + result.small


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_a_picture_taken_sideways_stands_upright(image_format):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter: the left half comes to the top

    result = process_image(encode(make_image(), image_format, exif=exif), name=NAMES[image_format])

    assert (result.width, result.height) == (40, 60)
    assert is_near(colour_at(result.large, 20, 10), (255, 0, 0))
    assert is_near(colour_at(result.large, 20, 50), (0, 0, 0))


def test_broken_exif_does_not_cost_the_picture():
    data = encode(make_image(), exif=b"Exif\0\0II*\0\xff\xff\xff\xff broken")

    assert process_image(data, name="a.jpg").width == 60


def test_cmyk_becomes_rgb():
    data = encode(make_image(mode="CMYK", colour=(0, 255, 255, 0)))

    result = process_image(data, name="a.jpg")

    assert decoded(result.large).mode == "RGB"
    assert is_near(colour_at(result.large, 10, 20), (255, 0, 0), tolerance=40)


def test_a_palette_with_transparency_lies_on_white():
    image = Image.new("P", (60, 40), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(0, (0, 0, 30, 40))

    result = process_image(encode(image, "PNG", transparency=0), name="a.png")

    assert is_near(colour_at(result.large, 10, 20), (255, 255, 255))
    assert is_near(colour_at(result.large, 50, 20), (0, 0, 255))


def test_half_transparency_is_mixed_with_white():
    data = encode(Image.new("RGBA", (60, 40), (255, 0, 0, 128)), "PNG")

    assert is_near(colour_at(process_image(data, name="a.png").large, 10, 20), (255, 127, 127))


@pytest.mark.parametrize(
    ("mode", "grey", "expected"), [("I;16", 0x8000, 128), ("L", 128, 128), ("LA", (128, 255), 128), ("1", 1, 255)]
)
def test_grey_of_any_depth_keeps_its_tone(mode, grey, expected):
    data = encode(Image.new(mode, (60, 40), grey), "PNG")

    assert is_near(colour_at(process_image(data, name="a.png").large, 10, 20), (expected,) * 3)


def test_colours_are_converted_by_the_embedded_profile():
    lab_like = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain, other, broken = (
        process_image(encode(make_image(colour=(200, 120, 40)), icc_profile=profile), name="a.jpg")
        for profile in (srgb, lab_like, b"broken profile")
    )

    assert is_near(colour_at(plain.large, 10, 20), (200, 120, 40))
    assert is_near(colour_at(broken.large, 10, 20), (200, 120, 40))
    assert other.width == 60


def test_an_animation_shows_its_first_frame():
    frames = [make_image(colour=colour) for colour in ("red", "green", "blue")]
    for image_format in ("GIF", "WEBP"):
        data = encode(frames[0], image_format, save_all=True, append_images=frames[1:])

        result = process_image(data, name=NAMES[image_format])

        assert is_near(colour_at(result.large, 10, 20), (255, 0, 0))


def test_name_content_and_decoder_must_agree():
    png = encode(make_image(), "PNG")

    assert refusal_of(png, name="a.jpg") == "WRONG_EXTENSION"
    assert refusal_of(png, name="a.svg") == "UNSUPPORTED_FORMAT"
    assert refusal_of(png, name="png") == "UNSUPPORTED_FORMAT"
    assert refusal_of(encode(make_image(), "BMP"), name="a.png") == "NOT_AN_IMAGE"
    assert refusal_of(b"<svg xmlns='http://www.w3.org/2000/svg'/>", name="a.png") == "NOT_AN_IMAGE"
    assert refusal_of(b"", name="a.png") == "EMPTY"
    assert refusal_of(png, name="a.png", max_bytes=len(png) - 1) == "TOO_LARGE"


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_picture_cut_in_half_is_refused(image_format):
    data = encode(Image.effect_noise((200, 200), 50).convert("RGB"), image_format)

    assert refusal_of(data[: len(data) // 2], name=NAMES[image_format]) in ("TRUNCATED", "DAMAGED")


def test_a_jpeg_that_ends_early_is_called_truncated():
    data = encode(Image.effect_noise((200, 200), 50))

    assert refusal_of(data[: len(data) // 2], name="a.jpg") == "TRUNCATED"


MAGICS = [b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBP"]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(MAGICS), st.binary(max_size=300), st.sampled_from(list(NAMES.values())))
def test_random_bytes_give_nothing_but_a_refusal(magic, rest, name):
    with pytest.raises(ImageRefused):
        process_image(magic + rest, name=name)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(list(NAMES)), st.data())
def test_a_picture_with_wrong_bytes_in_it_is_decoded_or_refused(image_format, data):
    picture = bytearray(encode(make_image(), image_format))
    for place in data.draw(st.lists(st.integers(0, len(picture) - 1), min_size=1, max_size=8)):
        picture[place] = data.draw(st.integers(0, 255))

    try:
        result = process_image(bytes(picture), name=NAMES[image_format])
    except ImageRefused:
        return

    assert decoded(result.large).size == (result.width, result.height)
