/** The origin behind the gateways. A path that ends with "/headers" returns the headers of the request. */
export default {
  fetch: ({ url, headers }) =>
    url.endsWith('/headers') ? Response.json([...headers]) : new Response('hello'),
} satisfies ExportedHandler
