// The Availability section of a form: only organizations below the chosen one can be ticked; they can be searched.
// Without it all are listed, and the server refuses those that are not below.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const part of document.querySelectorAll("[data-below]")) {
    const owner = document.getElementById(part.dataset.below);
    const rows = [...part.querySelectorAll("[data-above]")];
    const tools = part.querySelector("[data-availability-tools]");
    if (!owner || !tools) continue;
    const search = tools.querySelector("input");
    const isBelow = (row) => row.dataset.above.split(" ").includes(owner.value);

    const show = () => {
      const wanted = search.value.trim().toLocaleLowerCase();
      for (const row of rows) {
        row.hidden = !isBelow(row) || !row.textContent.toLocaleLowerCase().includes(wanted);
        // What is only filtered out stays as it is; what is not below is not sent.
        row.querySelector("input").disabled = !isBelow(row);
      }
      const count = rows.filter(isBelow).length;
      tools.hidden = count < 2;
      part.querySelector("[data-availability-none]").hidden = count > 0;
    };

    owner.addEventListener("change", show);
    search.addEventListener("input", show);
    search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault(); // to search is not to save
    });
    tools.addEventListener("click", (event) => {
      const button = event.target.closest("[data-ticks]");
      if (!button) return;
      for (const row of rows.filter((each) => !each.hidden)) {
        row.querySelector("input").checked = button.dataset.ticks === "all";
      }
    });
    show();
  }
});
