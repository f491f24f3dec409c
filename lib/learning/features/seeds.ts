/** Seeds that keep fields apart: a word of the description is not the same feature as a word of the name. */
export const F = {
  bias: 1, word: 2, gram: 4, whole: 5, descriptionWord: 7, descriptionGram: 9,
  counterparty: 11, account: 12, accountWhole: 13, accountFirst: 14, sign: 15, bucket: 16, exact: 17, exactWhole: 18,
  bucketWhole: 19, weekday: 21, type: 22, typeBucket: 23, context: 24, contextWord: 25,
  contextWhole: 26, memory: 27, counterpartyBucket: 28, accountBucket: 29, contextBucket: 30, none: 32,
  exactCounterparty: 33, plainText: 40, plainDescription: 43, plainType: 46, plainContext: 49,
} as const; // prettier-ignore
