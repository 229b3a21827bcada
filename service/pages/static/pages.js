"use strict";
// Pages work without this file; it adds dropping a file, checks its size before it is sent, and keeps a filter tidy.

(() => {
  const form = document.getElementById("upload");
  if (!form) return;
  const input = form.querySelector("#file");
  const drop = form.querySelector("#drop");
  const error = form.querySelector("#file-error");
  const sending = form.querySelector("#sending");
  const button = form.querySelector("button.main");
  const limit = Number(form.dataset.limit);

  const tooLarge = () => {
    const file = input.files[0];
    const wrong = Boolean(file) && file.size > limit;
    error.hidden = !wrong;
    error.textContent = wrong
      ? `${file.name} has ${Math.ceil(file.size / 2 ** 20)} MiB and at most ${form.dataset.limitWords} are taken: split the file.`
      : "";
    input.setAttribute("aria-invalid", String(wrong));
    return wrong;
  };

  input.addEventListener("change", tooLarge);
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) {
    drop.addEventListener(name, () => drop.classList.remove("over"));
  }
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) {
      input.files = event.dataTransfer.files;
      tooLarge();
    }
  });
  form.addEventListener("submit", (event) => {
    if (tooLarge()) {
      event.preventDefault();
      input.focus();
      return;
    }
    sending.hidden = false;
    button.disabled = true;
  });
  // Back from the next page: the browser may show this one as it was left.
  window.addEventListener("pageshow", () => {
    sending.hidden = true;
    button.disabled = false;
  });
})();
