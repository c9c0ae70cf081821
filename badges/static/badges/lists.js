// The check of a list: what was changed and not checked again is not what would be issued, so issuing waits for it.
"use strict";

(() => {
  const button = document.querySelector("[data-waits-for]");
  if (!button) return;
  const form = document.getElementById(button.dataset.waitsFor);
  const hint = document.getElementById(`${form.id}-changed`);

  function isChanged(field) {
    if (field.options) return [...field.options].some((option) => option.selected !== option.defaultSelected);
    return field.defaultValue !== undefined && field.value !== field.defaultValue;
  }

  function show() {
    const waits = [...form.elements].some(isChanged);
    button.disabled = waits;
    hint.hidden = !waits;
  }

  form.addEventListener("input", show);
  addEventListener("pageshow", show); // a browser may bring back what was typed before
})();
