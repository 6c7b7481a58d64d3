import { lazy, StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import "./index.css";
import { applyTheme } from "./ui/theme_switch";

const PAGES = {
  "/": ["Call", lazy(async () => ({ default: (await import("./pages/caller/caller_page")).CallerPage }))],
  "/agent-a": ["Agent A", lazy(async () => ({ default: (await import("./pages/agent_a/agent_a_page")).AgentAPage }))],
  "/agent-b": ["Agent B", lazy(async () => ({ default: (await import("./pages/agent_b/agent_b_page")).AgentBPage }))],
  "/history": ["History", lazy(async () => ({ default: (await import("./pages/history/history_page")).HistoryPage }))],
} as const;

applyTheme();
const place = document.getElementById("root");
if (!place) throw new Error("index.html has no #root");
const path = location.pathname.replace(/(.)\/$/, "$1");
const [title, Page] = path in PAGES ? PAGES[path as keyof typeof PAGES] : PAGES["/"];
document.title = `${title} · warm-transfer`;
createRoot(place).render(
  <StrictMode>
    <Suspense>
      <Page />
    </Suspense>
  </StrictMode>,
);
