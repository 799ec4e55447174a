// Filled in by whoever serves this file.
export const service = '{{service}}'
