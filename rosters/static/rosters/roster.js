// The pages of a class: completion statuses that were changed and not saved are marked, counted and not lost by
// accident; the dialog that issues a badge closes when it is done.
"use strict";

(() => {
  function edited(form) {
    return [...form.querySelectorAll("select[data-seen]")].filter((field) => field.value !== field.dataset.seen);
  }

  function show(form) {
    for (const field of form.querySelectorAll("select[data-seen]")) {
      field.closest("tr").toggleAttribute("data-edited", field.value !== field.dataset.seen);
    }
    const count = form.querySelector("[data-edit-count]");
    if (!count) return;
    const number = edited(form).length;
    count.hidden = number === 0;
    count.querySelector("b").textContent = number;
  }

  // A dialog that has said what it had to say closes by itself, unless it shows something else by then.
  document.addEventListener("htmx:load", (event) => {
    const told = event.target.closest("[data-closes-after]");
    if (!told) return;
    setTimeout(() => {
      if (told.isConnected) told.closest("dialog").close();
    }, Number(told.dataset.closesAfter));
  });

  // What was sent is not sent again while its answer is awaited: the first click counts.
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target.closest("[data-chooser]");
      if (!form || !event.submitter || event.submitter.name !== "confirm") return;
      if (form.dataset.sent) {
        event.preventDefault();
        event.stopImmediatePropagation();
      }
      form.dataset.sent = "yes";
    },
    true,
  );
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.target.matches("[data-chooser]")) delete event.target.dataset.sent;
  });

  let leaving = false;

  for (const form of document.querySelectorAll("form[data-edits]")) {
    show(form);
    form.addEventListener("change", () => show(form));
    form.addEventListener("submit", () => {
      leaving = true;
    });
  }

  addEventListener("beforeunload", (event) => {
    const forms = [...document.querySelectorAll("form[data-edits]")];
    if (!leaving && forms.some((form) => edited(form).length > 0)) event.preventDefault();
  });
})();
