/** The store of what the hub has told; a refused login anywhere ends the session everywhere. */
import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError } from "./client";

declare module "@tanstack/react-query" {
  interface Register {
    mutationMeta: {
      /** A 401 is an ordinary answer here (a wrong password), not the end of the session. */
      mayBeRefused?: boolean;
    };
  }
}

const RETRIES = 2;

export function makeQueries(onSignedOut: () => void): QueryClient {
  const look = (error: unknown) => {
    if (error instanceof ApiError && error.status === 401) onSignedOut();
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError: look }),
    mutationCache: new MutationCache({
      onError: (error, _variables, _result, mutation) => {
        if (!mutation.meta?.mayBeRefused) look(error);
      },
    }),
    defaultOptions: {
      queries: { retry: worthAnotherTry, staleTime: 30_000, refetchOnWindowFocus: false },
    },
  });
}

/** A refusal stays one; a hub that restarts is back in a moment. */
function worthAnotherTry(failures: number, error: Error): boolean {
  const refused = error instanceof ApiError && error.status >= 400 && error.status < 500;
  return !refused && failures < RETRIES;
}
