// Keeps a part of a page fresh: the server says with data-live-after when to ask again, and leaves it out at the end.
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
      const old = part();
      if (!fresh || place.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return;
      for (const details of old.querySelectorAll("details[id]")) {
        const same = fresh.querySelector(`#${CSS.escape(details.id)}`);
        if (same) same.open = details.open;
      }
      const scrolls = [...old.querySelectorAll("[id][tabindex]")].map((box) => [box.id, box.scrollTop, atEnd(box)]);
      old.replaceWith(fresh);
      for (const [id, top, end] of scrolls) {
        const same = document.getElementById(id);
        if (same) same.scrollTop = end ? same.scrollHeight : top;
      }
    }

    const atEnd = (box) => box.scrollTop + box.clientHeight >= box.scrollHeight - 4;
    for (const box of place.querySelectorAll(".ms-log")) box.scrollTop = box.scrollHeight;
    later();
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-live-url]").forEach(keep));
})();
