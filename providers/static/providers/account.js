// The form of an account: what only some kinds have shows for those, and known addresses can be filled in.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const kind = document.getElementById("id_kind");
  const address = document.getElementById("id_api_url");
  const list = document.querySelector(".suggestions");
  if (!kind || !address || !list) return;
  const options = [...document.querySelectorAll("#known-addresses option")];

  const show = () => {
    for (const field of document.querySelectorAll("[data-kinds]")) {
      field.closest(".field").hidden = !field.dataset.kinds.split(" ").includes(kind.value);
    }
    for (const row of list.children) row.hidden = row.dataset.kind !== kind.value;
    const known = options.filter((option) => option.dataset.kind === kind.value);
    document.getElementById("known-addresses").replaceChildren(...known);
    list.hidden = known.length === 0;
  };

  kind.addEventListener("change", show);
  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-address]");
    if (!button) return;
    address.value = button.dataset.address;
    address.focus();
  });
  show();
});
