// Refreshes a part of a page from the URL in data-live-url. The part's data-live-after is the number of seconds until
// the next refresh; a part without data-live-after is not refreshed again. Only nodes that differ are changed, so that
// keyboard focus, selected text, opened details and scrolled logs stay.
"use strict";
(() => {
  const MAX_REFRESH_SECONDS = 60; // each failed request doubles the delay, up to this limit
  const END_OF_LOG_PIXELS = 4; // browsers round scroll positions

  function refreshRegularly(container) {
    let failures = 0;
    const livePart = () => container.querySelector("[data-live-part]");
    const logs = () => [...container.querySelectorAll(".ms-log")];

    function scheduleRefresh() {
      const seconds = Number(livePart()?.dataset.liveAfter);
      if (seconds) setTimeout(refresh, Math.min(seconds * 2 ** failures, MAX_REFRESH_SECONDS) * 1000);
    }

    async function refresh() {
      if (document.hidden) {
        document.addEventListener("visibilitychange", refresh, { once: true });
        return;
      }
      try {
        const url = container.dataset.liveUrl + window.location.search;
        const response = await fetch(url, { credentials: "same-origin" });
        if (response.redirected) return; // to the login page: the user has signed out
        if (!response.ok) throw new Error(response.statusText);
        replacePart(await response.text());
        failures = 0;
      } catch {
        failures += 1;
      }
      scheduleRefresh();
    }

    function replacePart(html) {
      const template = document.createElement("template");
      template.innerHTML = html;
      const fresh = template.content.querySelector("[data-live-part]");
      if (!fresh) return;
      const scrolledUp = new Set(logs().filter((log) => !isAtEnd(log)));
      const focused = container.contains(document.activeElement) ? document.activeElement : null;
      updateNode(livePart(), fresh);
      scrollToEnd(logs().filter((log) => !scrolledUp.has(log)));
      if (focused && !focused.isConnected) {
        livePart().tabIndex = -1; // the next Tab continues here, not at the top of the page
        livePart().focus({ preventScroll: true });
      }
    }

    const isAtEnd = (log) => log.scrollTop + log.clientHeight >= log.scrollHeight - END_OF_LOG_PIXELS;
    const scrollToEnd = (scrolled) => scrolled.forEach((log) => (log.scrollTop = log.scrollHeight));
    scrollToEnd(logs());
    scheduleRefresh();
  }

  const isElement = (node) => node.nodeType === Node.ELEMENT_NODE;

  // Whether `old` can be updated to `fresh`. Elements correspond by id; elements without an id, by tag and class.
  function corresponds(old, fresh) {
    if (old.nodeName !== fresh.nodeName) return false;
    if (!isElement(old)) return true;
    return old.id === fresh.id && (old.id !== "" || old.getAttribute("class") === fresh.getAttribute("class"));
  }

  function updateNode(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (!isElement(old)) {
      const selection = document.getSelection();
      const isSelected = !selection.isCollapsed && [selection.anchorNode, selection.focusNode].includes(old);
      if (!isSelected) old.data = fresh.data; // new text would drop a selection that begins or ends here
      return;
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open" && name !== "tabindex") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    updateChildren(old, fresh);
  }

  function updateChildren(old, fresh) {
    const freshIds = new Set([...fresh.children].map((child) => child.id));
    const oldById = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
    let next = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      // First remove old elements whose id has disappeared: otherwise they would be updated to the element after them.
      while (next?.id && !freshIds.has(next.id)) next = removeNode(next);
      const match = oldById.get(child.id) ?? findMatch(next, child);
      if (match && corresponds(match, child)) {
        if (match.id) {
          if (match !== next) old.insertBefore(match, next);
        } else {
          while (next !== match) next = removeNode(next);
        }
        if (match === next) next = next.nextSibling;
        updateNode(match, child);
      } else {
        old.insertBefore(child, next);
      }
    }
    while (next) next = removeNode(next);
  }

  // Return the first node from `start` on that corresponds to the element `child`. For a text node, return `start`.
  function findMatch(start, child) {
    let node = start;
    while (node && isElement(child) && !corresponds(node, child)) node = node.nextSibling;
    return node;
  }

  function removeNode(node) {
    const next = node.nextSibling;
    node.remove();
    return next;
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-live-url]").forEach(refreshRegularly);
  });
})();
