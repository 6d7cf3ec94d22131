/** Recordings of terminals, which stay at their machines. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { answered, http } from "./client";
import { keys } from "./keys";

export const recordingsQuery = queryOptions({
  queryKey: keys.recordings,
  queryFn: () => answered(http.GET("/api/recordings")),
});

export function useRecordings() {
  return useQuery(recordingsQuery);
}

export function useRecording(id: string) {
  return useQuery({
    queryKey: keys.recording(id),
    queryFn: () => answered(http.GET("/api/recordings/{id}", { params: { path: { id } } })),
  });
}

/** Where the file itself is: asciicast v2. */
export function castAddress(id: string): string {
  return `/api/recordings/${encodeURIComponent(id)}/cast`;
}

/** The recording itself. */
export function useCast(id: string) {
  return useQuery({
    queryKey: keys.cast(id),
    queryFn: async () => {
      const params = { path: { id } };
      return answered(http.GET("/api/recordings/{id}/cast", { params, parseAs: "text" }));
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  });
}

export function removeRecording(id: string): Promise<unknown> {
  return answered(http.DELETE("/api/recordings/{id}", { params: { path: { id } } }));
}
