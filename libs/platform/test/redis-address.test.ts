import { expect, it } from 'vitest';
import { parseRedisUrl } from '../src/redis.ts';

const none = { user: undefined, password: undefined, master: undefined };

it.each([
  [
    'redis://cache',
    { ...none, kind: 'single', hasTls: false, hosts: [{ host: 'cache', port: 6379 }], text: 'cache:6379', database: 0 },
  ],
  [
    'rediss://ada:a%2Fb@[::1]:7000/2',
    {
      ...none,
      kind: 'single',
      hasTls: true,
      hosts: [{ host: '::1', port: 7000 }],
      text: '[::1]:7000',
      user: 'ada',
      password: 'a/b',
      database: 2,
    },
  ],
  [
    'rediss+cluster://facet@one:7000,two',
    {
      ...none,
      kind: 'cluster',
      hasTls: true,
      hosts: [
        { host: 'one', port: 7000 },
        { host: 'two', port: 6379 },
      ],
      text: 'one:7000, two:6379',
      user: 'facet',
      database: 0,
    },
  ],
  [
    'redis+sentinel://one,two:5000/1?master=shop%20a',
    {
      ...none,
      kind: 'sentinel',
      hasTls: false,
      hosts: [
        { host: 'one', port: 26379 },
        { host: 'two', port: 5000 },
      ],
      text: 'one:26379, two:5000',
      database: 1,
      master: 'shop a',
    },
  ],
])('reads %s', (url, address) => {
  expect(parseRedisUrl(url)).toEqual(address);
});

it.each([
  ['http://cache', 'is not the URL of a Redis'],
  ['redis://:secret@cache/zero', 'is not the URL of a Redis'],
  ['redis+cluster://one,', 'contains an invalid address'],
  ['redis://ada:secret%@one', 'contains an unescaped %'],
  ['redis://:secret@one:70000', 'contains an invalid address'],
  ['redis://one,two', 'has several addresses'],
  ['redis://one?master=shop', 'has ?master='],
  ['redis+cluster://one/1', 'contains database 1'],
  ['redis+sentinel://one', 'append ?master=NAME'],
])('refuses %s without repeating its password', (url, problem) => {
  expect(() => parseRedisUrl(url)).toThrow(problem);
  expect(() => parseRedisUrl(url)).not.toThrow('secret');
});
