import { useEffect, useRef } from "react";
import type uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Latency } from "../../api/types";
import { span } from "../../ui/time";
import { figures, STAGES } from "./latency";

const COLOURS = ["--color-calm", "--color-brand", "--color-hold"];
const HEIGHT = 150;

/** Reply times, turn by turn as stacked bars, and the same as a table. */
export function LatencyChart({ latencies }: { latencies: readonly Latency[] }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const place = box.current;
    if (!place || latencies.length === 0) return;
    let isGone = false;
    let forget = () => {};
    // Where the chart can't be loaded (it refuses locales that Intl does not know) the table says the same.
    import("uplot").then(
      ({ default: Chart }) => {
        if (!isGone) forget = drawn(Chart, place, latencies);
      },
      () => undefined,
    );
    return () => {
      isGone = true;
      forget();
    };
  }, [latencies]);

  if (latencies.length === 0) return <p className="text-soft">No reply was measured yet.</p>;
  return (
    <div className="flex flex-col gap-3">
      <div ref={box} aria-hidden />
      <table className="w-full text-sm">
        <caption className="sr-only">Reply times over {latencies.length} turns</caption>
        <thead>
          <tr className="text-left text-soft">
            <th scope="col" className="py-1 font-medium">
              {latencies.length} turns
            </th>
            <th scope="col" className="py-1 text-right font-medium">
              p50
            </th>
            <th scope="col" className="py-1 text-right font-medium">
              p95
            </th>
          </tr>
        </thead>
        <tbody>
          {figures(latencies).map(({ name, p50, p95 }, index) => (
            <tr key={name} className="border-t border-line">
              <th scope="row" className="py-1.5 text-left font-normal">
                <span
                  aria-hidden
                  className="mr-2 inline-block size-2.5 rounded-sm"
                  style={{ background: `var(${COLOURS[index] ?? "--color-line"})` }}
                />
                {name}
              </th>
              <td className="py-1.5 text-right">{p50 === null ? "–" : span(p50)}</td>
              <td className="py-1.5 text-right">{p95 === null ? "–" : span(p95)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Draws into the place; gives what removes the chart. */
function drawn(Chart: typeof uPlot, place: HTMLElement, latencies: readonly Latency[]): () => void {
  const style = getComputedStyle(place);
  const paint = (name: string) => resolved(place, style.getPropertyValue(name) ? `var(${name})` : name);
  const bars = Chart.paths.bars?.({ size: [0.7, 40] });
  const axis = {
    stroke: paint("--color-soft"),
    grid: { stroke: paint("--color-line") },
    font: "12px Figtree Variable",
  };
  const plot = new Chart(
    {
      width: place.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: (_, low, high) => [low - 0.5, high + 0.5] },
        y: { range: (_, __, high) => [0, high * 1.1] },
      },
      axes: [
        { ...axis, incrs: [1, 2, 5, 10, 20, 50] },
        { ...axis, values: (_, ticks) => ticks.map((one) => span(one)), size: 56 },
      ],
      series: [
        {},
        ...STAGES.toReversed().map(([, label], index) => ({
          label,
          ...(bars ? { paths: bars } : {}),
          fill: paint(COLOURS.toReversed()[index] ?? "--color-calm"),
          points: { show: false },
        })),
      ],
    },
    stacked(latencies),
    place,
  );
  const observer = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT }));
  observer.observe(place);
  return () => {
    observer.disconnect();
    plot.destroy();
  };
}

/** Sums, the tallest first: each bar is drawn over the one before. */
function stacked(latencies: readonly Latency[]): uPlot.AlignedData {
  const turns = latencies.map((_, index) => index + 1);
  const upTo = (count: number) =>
    latencies.map((one) => STAGES.slice(0, count).reduce((sum, [key]) => sum + (one[key] ?? 0), 0));
  return [turns, upTo(3), upTo(2), upTo(1)];
}

/** A canvas knows no CSS variables. */
function resolved(place: HTMLElement, colour: string): string {
  const probe = document.createElement("span");
  probe.style.color = colour;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
