export const LANGUAGES = ['en', 'zh-Hans', 'zh-Hant', 'de', 'ar'] as const
export type Language = (typeof LANGUAGES)[number]
