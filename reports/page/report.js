
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
