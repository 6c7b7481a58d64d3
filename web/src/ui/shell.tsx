import clsx from "clsx";
import type { ReactNode } from "react";
import { ThemeSwitch } from "./theme_switch";

const DOORS = [
  ["/agent-a", "Agent A"],
  ["/agent-b", "Agent B"],
  ["/history", "History"],
] as const;

/** The frame of every staff page: where one is, where one can go. */
export function Shell({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <div className="mx-auto flex min-h-dvh w-full max-w-[1400px] flex-col px-4 pb-8 sm:px-6">
      <a href="#content" className="sr-only focus:not-sr-only focus:absolute focus:m-2 focus:bg-card focus:p-3">
        Skip to the content
      </a>
      <header className="flex flex-wrap items-center gap-x-4 gap-y-1 py-3">
        <a href="/" className="flex min-h-11 items-center gap-2 font-semibold" aria-label="warm-transfer, place a call">
          <img src="/icon.svg" alt="" className="size-7" />
          <span className="hidden sm:inline">warm-transfer</span>
        </a>
        <nav aria-label="Pages" className="flex gap-1">
          {DOORS.map(([href, name]) => (
            <a
              key={href}
              href={href}
              aria-current={location.pathname === href ? "page" : undefined}
              className={clsx(
                "flex min-h-11 items-center rounded-xl px-3 text-soft hover:bg-sunk hover:text-ink",
                "aria-[current=page]:bg-sunk aria-[current=page]:font-semibold aria-[current=page]:text-ink",
              )}
            >
              {name}
            </a>
          ))}
        </nav>
        <div className="ml-auto flex items-center">
          <ThemeSwitch />
        </div>
      </header>
      <main id="content" className="flex flex-1 flex-col gap-4">
        <div className="flex min-h-11 flex-wrap items-center justify-between gap-3">
          <h1 className="text-2xl font-semibold tracking-tight">{title}</h1>
          {aside}
        </div>
        {children}
      </main>
    </div>
  );
}
