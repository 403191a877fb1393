// The job form: live preview of the schedule, sections and help for the chosen kinds, and the viewer's time zone.
"use strict";
(() => {
  const PREVIEW_DELAY = 250; // milliseconds after the last key press: one preview per key would overload the server
  const box = document.querySelector("[data-preview-url]");
  if (!box) return;
  const form = box.closest("form");
  const panel = box.querySelector("[data-preview]");
  const inputs = box.querySelector("[data-preview-input]");
  const touched = new Set();
  let timer = 0;
  let pending = null;

  async function preview() {
    pending?.abort();
    pending = new AbortController();
    panel.classList.add("ms-waiting");
    try {
      const response = await fetch(box.dataset.previewUrl, {
        method: "POST", body: new FormData(form), credentials: "same-origin", signal: pending.signal,
      });
      if (!response.ok || response.redirected) throw new Error(response.statusText);
      show(await response.json());
    } catch (error) {
      if (error.name === "AbortError") return;
      panel.textContent =
        "The preview is not available at the moment. You can still save the job: saving checks the schedule.";
    }
    panel.classList.remove("ms-waiting");
  }

  const paragraph = (text) => Object.assign(document.createElement("p"), { textContent: text });

  function show({ html, errors }) {
    panel.innerHTML = html;
    for (const place of inputs.querySelectorAll("[data-errors]")) {
      const name = place.dataset.errors;
      if (!touched.has(name)) continue;
      place.replaceChildren(...(errors[name] ?? []).map(paragraph));
    }
  }

  inputs.addEventListener("input", (event) => {
    // A change of one field may cause or correct an error of another field: update the errors of every filled field.
    for (const place of inputs.querySelectorAll("[data-errors]")) {
      const input = form.elements[place.dataset.errors];
      if (place.dataset.errors === event.target.name || !input || input.value) touched.add(place.dataset.errors);
    }
    clearTimeout(timer);
    timer = setTimeout(preview, PREVIEW_DELAY);
  });

  // The preview depends on one field outside the schedule: the jitter.
  form.elements.start_jitter.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(preview, PREVIEW_DELAY);
  });

  // Show the section and the help of the chosen kind. The style sheet does this without the script, but only for the
  // sections of the first six kinds.
  function showChosen() {
    const kind = form.elements.target_kind.value;
    for (const section of box.querySelectorAll("[data-target]")) section.hidden = section.dataset.target !== kind;
    for (const help of box.querySelectorAll("[data-help-of]")) {
      help.hidden = help.dataset.value !== form.elements[help.dataset.helpOf].value;
    }
  }
  form.addEventListener("change", showChosen);

  // Only an expression with H has a key. The pattern is that of `uses_hash` in schedules/clock/cron/hashed.py.
  const keyField = form.elements.hash_key.closest(".ms-field");
  const showKey = () => { keyField.hidden = !/(^|[\s,])H($|[\s,/(])/i.test(form.elements.cron.value); };
  form.elements.cron.addEventListener("input", showKey);

  const zoneButton = box.querySelector("[data-use-my-zone]");
  zoneButton.hidden = false;
  zoneButton.querySelector("[data-my-zone]").textContent = window.mainspring.zone;
  zoneButton.addEventListener("click", () => {
    form.elements.timezone.value = window.mainspring.zone;
    form.elements.timezone.dispatchEvent(new Event("input", { bubbles: true }));
  });

  showChosen();
  showKey();
  preview();
})();
