// Charts are drawn from the tables beside them. Everything else works without this file.
"use strict";

const said = new WeakMap();
const state = document.getElementById("connection");
const say = (text) => {
  if (state && state.textContent !== text) state.textContent = text;
};

document.addEventListener("htmx:sseOpen", () => say("Live."));
document.addEventListener("htmx:sseError", () => say("The connection is lost; trying again."));

// What has not changed stays: a selection in it, and the place of who reads it aloud.
document.addEventListener("htmx:sseBeforeMessage", (event) => {
  if (said.get(event.target) === event.detail.data) event.preventDefault();
  said.set(event.target, event.detail.data);
});

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const number = (text) => (text === "" ? null : Number(text.replaceAll(",", "")));

function draw(place) {
  const table = document.getElementById(place.dataset.table);
  const columns = place.dataset.columns.split(" ").map(Number);
  const rows = [...table.tBodies[0].rows].filter((row) => row.cells.length > 1);
  const data = [
    rows.map((row) => Number(row.cells[0].dataset.x)),
    ...columns.map((column) => rows.map((row) => number(row.cells[column].textContent))),
  ];
  if (place.chart) {
    place.chart.setData(data);
    return;
  }
  const axis = { stroke: colour("--ink"), grid: { stroke: colour("--line") }, ticks: { stroke: colour("--line") } };
  const options = {
    width: place.clientWidth,
    height: 200,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_, low, high) => [0, Math.max(1, (high ?? 0) * 1.1)] } },
    axes: [axis, { ...axis, size: 56 }],
    series: [
      {},
      ...columns.map((column, place) => ({
        label: table.tHead.rows[0].cells[column].textContent,
        stroke: colour(`--series-${place + 1}`),
        width: 2,
      })),
    ],
  };
  place.chart = new uPlot(options, data, place);
}

const charts = [...document.querySelectorAll(".chart")];
const again = () =>
  charts.forEach((place) => {
    place.chart?.destroy();
    place.chart = null;
    draw(place);
  });
charts.forEach(draw);
document.addEventListener("htmx:sseMessage", (event) => {
  charts.filter((place) => event.target.closest("table")?.id === place.dataset.table).forEach(draw);
});
addEventListener("resize", () => charts.forEach((place) => place.chart.setSize({ width: place.clientWidth, height: 200 })));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
