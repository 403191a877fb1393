// Keeps a part of a page fresh: the server says with data-live-after when to ask again, and leaves it out at the end.
// Only what differs is touched, so that keyboard focus, selected text, opened details and scrolled logs stay.
"use strict";
(() => {
  const LONGEST = 60;

  function keep(place) {
    let failures = 0;
    const part = () => place.querySelector("[data-live-part]");

    function later() {
      const seconds = Number(part()?.dataset.liveAfter);
      if (seconds) setTimeout(refresh, Math.min(seconds * 2 ** failures, LONGEST) * 1000);
    }

    async function refresh() {
      if (document.hidden) {
        document.addEventListener("visibilitychange", refresh, { once: true });
        return;
      }
      try {
        const answer = await fetch(place.dataset.liveUrl + window.location.search, { credentials: "same-origin" });
        if (answer.redirected) return; // signed out meanwhile
        if (!answer.ok) throw new Error(answer.statusText);
        put(await answer.text());
        failures = 0;
      } catch {
        failures += 1;
      }
      later();
    }

    function put(html) {
      const box = document.createElement("template");
      box.innerHTML = html;
      const fresh = box.content.querySelector("[data-live-part]");
      if (!fresh) return;
      const held = new Set([...place.querySelectorAll(".ms-log")].filter((log) => !atEnd(log)));
      const focused = place.contains(document.activeElement) ? document.activeElement : null;
      liken(part(), fresh);
      toEnd([...place.querySelectorAll(".ms-log")].filter((log) => !held.has(log)));
      if (focused && !focused.isConnected) {
        part().tabIndex = -1; // the keyboard goes on from here, not from the top of the page
        part().focus({ preventScroll: true });
      }
    }

    const atEnd = (log) => log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
    const toEnd = (logs) => logs.forEach((log) => (log.scrollTop = log.scrollHeight));
    toEnd([...place.querySelectorAll(".ms-log")]);
    later();
  }

  const isElement = (node) => node.nodeType === Node.ELEMENT_NODE;

  // One with another id or class is another thing, however alike the two look.
  function isSame(old, fresh) {
    if (old.nodeName !== fresh.nodeName) return false;
    if (!isElement(old)) return true;
    return old.id === fresh.id && (old.id !== "" || old.getAttribute("class") === fresh.getAttribute("class"));
  }

  function liken(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (!isElement(old)) {
      const selection = document.getSelection();
      const isHeld = !selection.isCollapsed && [selection.anchorNode, selection.focusNode].includes(old);
      if (!isHeld) old.data = fresh.data; // a selection that begins or ends in a text would be lost with it
      return;
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open" && name !== "tabindex") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    likenChildren(old, fresh);
  }

  function likenChildren(old, fresh) {
    const wanted = new Set([...fresh.children].map((child) => child.id));
    const known = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
    let here = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      // What is gone must not be taken for what follows it.
      while (here?.id && !wanted.has(here.id)) here = remove(here);
      const found = known.get(child.id) ?? from(here, child);
      if (found && isSame(found, child)) {
        if (found.id) {
          if (found !== here) old.insertBefore(found, here);
        } else {
          while (here !== found) here = remove(here);
        }
        if (found === here) here = here.nextSibling;
        liken(found, child);
      } else {
        old.insertBefore(child, here);
      }
    }
    while (here) here = remove(here);
  }

  // The next one that it may be; a text is only looked for where it stands.
  function from(here, child) {
    let found = here;
    while (found && isElement(child) && !isSame(found, child)) found = found.nextSibling;
    return found;
  }

  function remove(node) {
    const next = node.nextSibling;
    node.remove();
    return next;
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-live-url]").forEach(keep));
})();
