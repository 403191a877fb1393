// Tells the server the browser's time zone, in which it shows all instants. Also asks before what is final, and
// leads to the first wrong field.
"use strict";
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (/^[A-Za-z0-9_+/-]+$/.test(zone ?? "")) {
    const secure = window.location.protocol === "https:" ? "; secure" : "";
    document.cookie = `mainspring_zone=${zone}; path=/admin/; max-age=31536000; samesite=lax${secure}`;
  }
  window.mainspring = { zone };

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  function goTo(link) {
    const field = document.getElementById(link.hash.slice(1));
    field?.scrollIntoView({ block: "center" });
    field?.focus({ preventScroll: true });
    return field;
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.ms-wrong");
    if (link && goTo(link)) event.preventDefault();
  });
  document.addEventListener("DOMContentLoaded", () => {
    const first = document.querySelector("a.ms-wrong");
    if (first) goTo(first);
  });
})();
