/** The origin behind the gateways. */
export default {
  fetch: () => new Response('hello'),
} satisfies ExportedHandler
