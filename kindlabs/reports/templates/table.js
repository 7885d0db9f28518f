// Sorts a table by the buttons in its head, and shows the rows that have all the words that are searched for.
"use strict";
const compare = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" }).compare;

for (const tools of document.querySelectorAll("[data-searches]")) {
  const table = document.getElementById(tools.dataset.searches);
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({ row, text: row.textContent.toLowerCase() }));
  const said = tools.querySelector("output");

  const search = (words) => {
    let count = 0;
    for (const { row, text } of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      count += row.hidden ? 0 : 1;
    }
    said.value = `${count} of ${rows.length} rows`;
  };

  const sort = (head) => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    const value = ({ row }) => row.cells[head.cellIndex].dataset.value ?? row.cells[head.cellIndex].textContent.trim();
    rows.sort((one, other) => {
      const [a, b] = [value(one), value(other)];
      if (a === "" || b === "") return (a === "") - (b === ""); // what is empty comes last, either way
      return up ? compare(a, b) : compare(b, a);
    });
    for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    body.append(...rows.map(({ row }) => row));
  };

  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(head));
    head.replaceChildren(button);
  }
  const field = tools.querySelector("input");
  field.addEventListener("input", () => search(field.value.toLowerCase().split(/\s+/).filter(Boolean)));
  tools.hidden = false;
  search([]);
}
