"""Reading of SVG pictures: their words, and the points of a line."""

import re

SVG = "{http://www.w3.org/2000/svg}"


def texts_of(root):
    """Return the words of a picture, in its order."""
    return ["".join(text.itertext()).strip() for text in root.iter(f"{SVG}text")]


def path_of(root, name):
    """Return the points of the first path within the group of this id."""
    path = next(root.find(f".//*[@id='{name}']").iter(f"{SVG}path"))
    return [(float(x), float(y)) for x, y in re.findall(r"[ML] (-?[\d.]+) (-?[\d.]+)", path.get("d"))]
