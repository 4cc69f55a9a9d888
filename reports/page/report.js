
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    const numbers = head.classList.contains("number");
    const value = (row) => row.cells[column].dataset.value;
    const rows = [...table.tBodies[0].rows].sort((first, second) => {
      const [a, b] = [value(first), value(second)];
      if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);  // last, both ways
      const order = numbers ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true });
      return down ? -order : order;
    });
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    table.tBodies[0].append(...rows);
  }));
}
const dialog = document.getElementById("enlarged");
const large = document.getElementById("large");
for (const button of document.querySelectorAll("button.zoom")) {
  button.addEventListener("click", () => {
    const image = button.querySelector("img");
    large.src = image.src;
    large.alt = image.alt;
    dialog.showModal();
  });
}
large.addEventListener("click", () => dialog.close());
const first = document.querySelector("table.sortable");
const choice = document.getElementById("metric");
if (first && choice) {  // the pages of a site have no choice of a metric
  const heads = [...first.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (column && head.classList.contains("number")) {
      choice.append(new Option(head.textContent.trim(), String(column)));
    }
  });
  choice.addEventListener("change", () => {
    const chosen = Number(choice.value);
    heads.forEach((head, column) => {
      const out = chosen > 0 && head.classList.contains("number") && column !== chosen;
      for (const row of first.rows) row.cells[column].classList.toggle("out", out);
    });
    if (chosen) {
      heads.forEach((head) => head.removeAttribute("aria-sort"));
      heads[chosen].querySelector("button").click();
    }
  });
  choice.closest("p").hidden = heads.length < 3;
}
for (const figure of document.querySelectorAll("figure:has(.save)")) {  // the picture is in the page once: no second copy of it
  const save = document.createElement("a");
  save.textContent = "PNG";
  save.download = figure.id + ".png";
  save.href = figure.querySelector("img").src;
  figure.querySelector(".save").append(" ", save);
}
window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
