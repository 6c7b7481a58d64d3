import { useEffect, useRef } from "react";

const BARS = 12;

/** How loud the microphone is, read for each frame without a render of React's. */
export function LevelMeter({ level, isOff = false }: { level: () => number; isOff?: boolean }) {
  const bars = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let frame = 0;
    const draw = () => {
      const loud = isOff ? 0 : Math.round(level() * BARS);
      for (const [index, bar] of [...(bars.current?.children ?? [])].entries()) {
        (bar as HTMLElement).dataset.on = String(index < loud);
      }
      frame = requestAnimationFrame(draw);
    };
    draw();
    return () => cancelAnimationFrame(frame);
  }, [level, isOff]);
  return (
    <div ref={bars} aria-hidden className="flex h-4 items-end gap-0.5">
      {Array.from({ length: BARS }, (_, index) => (
        <span
          // biome-ignore lint/suspicious/noArrayIndexKey: the bars never change places.
          key={index}
          className="h-full w-1.5 rounded-full bg-line data-[on=true]:bg-brand"
        />
      ))}
    </div>
  );
}
