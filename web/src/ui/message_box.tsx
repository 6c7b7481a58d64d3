import { SendHorizontal } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Button } from "./button";

/** A line to type instead of speaking. */
export function MessageBox({ onSend, label = "Type a message" }: { onSend: (text: string) => void; label?: string }) {
  const [text, setText] = useState("");
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (!text.trim()) return;
    onSend(text.trim());
    setText("");
  };
  return (
    <form onSubmit={send} className="flex gap-2">
      <input
        aria-label={label}
        placeholder={label}
        maxLength={1000}
        value={text}
        onChange={(event) => setText(event.target.value)}
        className="min-h-11 min-w-0 flex-1 rounded-xl border border-edge bg-card px-3 placeholder:text-soft"
      />
      <Button type="submit" aria-label="Send" className="px-3">
        <SendHorizontal aria-hidden size={18} />
      </Button>
    </form>
  );
}
