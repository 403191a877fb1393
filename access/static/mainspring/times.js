// On every page of the admin: sends the browser's time zone to the server, which shows all instants in it; confirms
// forms with data-confirm before they are sent; and moves the focus to the first wrong field.
"use strict";
(() => {
  const COOKIE_SECONDS = 365 * 24 * 3600;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (/^[A-Za-z0-9_+/-]+$/.test(zone ?? "")) {
    const secure = window.location.protocol === "https:" ? "; secure" : "";
    document.cookie = `mainspring_zone=${zone}; path=/admin/; max-age=${COOKIE_SECONDS}; samesite=lax${secure}`;
  }
  window.mainspring = { zone };

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  function focusField(link) {
    const field = document.getElementById(link.hash.slice(1));
    field?.scrollIntoView({ block: "center" });
    field?.focus({ preventScroll: true });
    return field;
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.ms-wrong");
    if (link && focusField(link)) event.preventDefault();
  });
  document.addEventListener("DOMContentLoaded", () => {
    const first = document.querySelector("a.ms-wrong");
    if (first) focusField(first);
  });
})();
