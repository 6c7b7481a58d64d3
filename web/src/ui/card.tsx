import clsx from "clsx";
import type { ReactNode } from "react";
import { useId } from "react";

/** A part of a page with its heading. */
export function Card({
  title,
  aside,
  className,
  children,
}: {
  title?: string;
  aside?: ReactNode;
  className?: string;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <section
      aria-labelledby={title ? id : undefined}
      className={clsx("rounded-2xl border border-line bg-card p-4 shadow-card sm:p-5", className)}
    >
      {title && (
        <header className="mb-3 flex items-center justify-between gap-3">
          <h2 id={id} className="font-semibold">
            {title}
          </h2>
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}
