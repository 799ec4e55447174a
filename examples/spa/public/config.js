// The server of this file inserts the URL.
export const service = '{{service}}'
