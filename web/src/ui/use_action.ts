import { useCallback, useState } from "react";
import { ApiError } from "../api/client";

/** Runs what a click asks for, one at a time; says in a sentence why it did not work. */
export function useAction(): {
  isBusy: boolean;
  refusal: string | null;
  run: (act: () => Promise<unknown>) => Promise<boolean>;
} {
  const [isBusy, setIsBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const run = useCallback(async (act: () => Promise<unknown>) => {
    setIsBusy(true);
    setRefusal(null);
    try {
      await act();
      return true;
    } catch (error) {
      setRefusal(error instanceof ApiError ? error.message : "That did not work: try again.");
      return false;
    } finally {
      setIsBusy(false);
    }
  }, []);
  return { isBusy, refusal, run };
}
