import { Monitor, Moon, Sun } from "lucide-react";
import { useState } from "react";

const STORED = "warm-transfer.theme";
const THEMES = ["system", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];
const ICONS = { system: Monitor, light: Sun, dark: Moon };

/** Goes round: as the system, light, dark; kept for the next visit. */
export function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(stored);
  const Icon = ICONS[theme];
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  return (
    <button
      type="button"
      className="grid size-11 place-items-center rounded-xl hover:bg-sunk"
      aria-label={`Colours: ${theme}. Change to ${next}`}
      title={`Colours: ${theme}`}
      onClick={() => {
        applyTheme(next);
        setTheme(next);
      }}
    >
      <Icon aria-hidden size={20} />
    </button>
  );
}

/** Puts the stored theme on the page; called before the first paint. */
export function applyTheme(theme: Theme = stored()): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  localStorage.setItem(STORED, theme);
}

function stored(): Theme {
  return THEMES.find((one) => one === localStorage.getItem(STORED)) ?? "system";
}
