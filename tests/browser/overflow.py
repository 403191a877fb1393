"""Finds elements that are too narrow for their content."""

from __future__ import annotations

# Elements whose content is wider than they are: scrolled sideways, or cut off without an ellipsis.
CUT_OFF = """[...document.querySelectorAll("main *, #content-main *, #content-main")].filter((box) => {
  const style = getComputedStyle(box);
  return box.scrollWidth > box.clientWidth + 1 && box.clientWidth > 0 && style.display !== "inline"
    && style.overflowX !== "visible" && style.textOverflow !== "ellipsis" && style.webkitLineClamp === "none"
    && !box.matches("input, textarea, select, [class*=observer]");
}).map((box) => `${box.tagName}.${box.className} ${box.scrollWidth - box.clientWidth} px`)"""
