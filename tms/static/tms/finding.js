// The Find pages: where one goes on after a part of the page was exchanged, ticks, the order of the columns' list.
"use strict";

(() => {
  const go = () => document.getElementById("find-go");

  // A filter that was added is where one goes on; after one was taken off, the button that searches.
  let submitter = null;
  document.addEventListener("submit", (event) => { submitter = event.submitter; }, true);
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id !== "find") return;
    const added = document.querySelector("[data-added]:last-of-type :is(select, input:not([type=hidden]), button)");
    if (submitter?.name === "add" && added) added.focus();
    else if (["remove", "remove_all", "column"].includes(submitter?.name)) go()?.focus();
    submitter = null;
  });

  document.addEventListener("change", (event) => {
    const { target } = event;
    if (target.matches("[data-submits]")) target.form.requestSubmit();
    if (target.name === "find-sorting") sortColumns(target.closest(".find-columns"), target.value);
    if (target.matches("[data-ticks-all]")) {
      for (const box of target.form.querySelectorAll("[name=chosen]")) box.checked = target.checked;
    }
    const form = target.closest("[data-ticks]");
    if (form) countTicks(form);
  });

  // Sort by Group is as the page came; sorted by the alphabet, the headings make no sense.
  const groups = new WeakMap();
  function sortColumns(menu, order) {
    const place = menu.querySelector(".find-groups");
    if (!groups.has(place)) groups.set(place, [...place.children].map((group) => [group, [...group.querySelectorAll("label")]]));
    const known = groups.get(place);
    for (const [group, labels] of known) {
      group.append(...labels);
      place.append(group);
    }
    if (order !== "alphabet") return;
    const labels = known.flatMap(([, each]) => each);
    labels.sort((one, other) => one.textContent.trim().localeCompare(other.textContent.trim()));
    place.replaceChildren(...labels);
  }

  function countTicks(form) {
    const found = form.querySelector("[data-ticks-found]:checked");
    const count = found ? Number(found.dataset.ticksFound) : form.querySelectorAll("[name=chosen]:checked").length;
    for (const each of form.querySelectorAll("[data-tick-count]")) each.textContent = count;
    for (const button of form.querySelectorAll("[data-needs-ticks]")) button.disabled = count === 0;
  }
  const countAll = () => document.querySelectorAll("[data-ticks]").forEach(countTicks);
  document.addEventListener("htmx:load", countAll);
  countAll();

  if (document.body.dataset.prints !== undefined) addEventListener("load", () => print());
})();
