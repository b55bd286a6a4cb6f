"""Pictures of one colour each, which can be told from one another after they were made anew in another form."""

from __future__ import annotations

import colorsys
import subprocess

COLORS = 16
SIZE = "96x64"
# How far each of red, green and blue (0 to 255) may be from what was sent: two forms of lossy compression lie in between.
TOLERANCE = 12


def pictures() -> dict[str, bytes]:
    """JPEGs by their colours, as `#rrggbb`."""
    return {color: convert(b"", "-size", SIZE, f"xc:{color}", "jpeg:-") for color in map(shade, range(COLORS))}


def shade(number: int) -> str:
    parts = colorsys.hsv_to_rgb(number / COLORS, 0.9 if number % 2 else 0.6, 0.9)
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def is_of(color: str, webp: bytes) -> bool:
    """Whether a picture is of a colour."""
    seen = convert(webp, "webp:-", "-resize", "1x1!", "-depth", "8", "rgb:-")
    return all(abs(one - other) <= TOLERANCE for one, other in zip(seen, bytes.fromhex(color[1:])))


def convert(given: bytes, *arguments: str) -> bytes:
    return subprocess.run(["gm", "convert", *arguments], input=given, check=True, capture_output=True, timeout=60).stdout
