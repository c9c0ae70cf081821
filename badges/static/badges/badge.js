// The form of a badge: what was chosen in its dialogs is filled in. What somebody wrote stays.
"use strict";

(() => {
  const field = (name) => document.getElementById(`id_${name}`);

  document.addEventListener("badge-provider-chosen", (event) => {
    const { id, name } = event.detail;
    const select = field("badge_provider");
    if (![...select.options].some((option) => option.value === String(id))) select.add(new Option(name, id));
    select.value = id;
  });

  const filled = {};
  document.addEventListener("template-chosen", (event) => {
    field("template_id").value = event.detail.template_id;
    for (const name of ["name", "description", "image_url"]) {
      const input = field(name);
      if (input.value && input.value !== filled[name]) continue;
      input.value = filled[name] = event.detail[name];
    }
  });
})();
