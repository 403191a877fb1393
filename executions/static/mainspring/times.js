// Times on a page: a hint with the viewer's own time, and the columns that show it. Also asks before what is final.
"use strict";
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const options = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" };
  const here = new Intl.DateTimeFormat("en-GB", options);

  function localize(root) {
    for (const time of root.querySelectorAll("time.ms-time[datetime]")) {
      const at = new Date(time.dateTime);
      if (!isNaN(at)) time.title = `${here.format(at)} in your time zone (${zone})`;
    }
    for (const time of root.querySelectorAll("time[data-local]")) {
      const at = new Date(time.dateTime);
      if (!isNaN(at)) time.textContent = here.format(at);
    }
    for (const place of root.querySelectorAll("[data-my-zone]")) place.textContent = zone;
    for (const part of root.querySelectorAll("[data-zone]")) part.classList.toggle("ms-same-zone", part.dataset.zone === zone);
  }

  window.mainspring = { localize, zone };
  document.addEventListener("DOMContentLoaded", () => localize(document));
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });
})();
