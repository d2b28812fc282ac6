/** An answer that goes on for long, such as server-sent events, as one that ends well when the node stops; every other one as it is. */
export function endingWith(response: Response, stopping: AbortSignal): Response {
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  if (!isStream || response.body === null) return response;
  const reader = response.body.getReader();
  let stop = (): void => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      stop = () => {
        reader.cancel().catch(() => undefined);
        try {
          controller.close();
        } catch {
          // It ended in the same moment.
        }
      };
      if (stopping.aborted) stop();
      else stopping.addEventListener('abort', stop, { once: true });
    },
    async pull(controller) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        stopping.removeEventListener('abort', stop);
        throw cause;
      });
      if (stopping.aborted) return;
      if (!done) {
        controller.enqueue(value);
        return;
      }
      stopping.removeEventListener('abort', stop);
      controller.close();
    },
    async cancel(reason) {
      stopping.removeEventListener('abort', stop);
      await reader.cancel(reason);
    },
  });
  return new Response(body, { status: response.status, headers: response.headers });
}
