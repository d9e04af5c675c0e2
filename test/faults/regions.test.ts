import { it } from 'vitest'

// An authorization server is one deployment in one Region: its tables are not global, its keys not multi-Region, and an
// authorizer reads the tables of its own Region (test/lib/authorize.test.ts refuses one elsewhere at synthesis).
it.skip('F30: a Region that is lost: another one issues and verifies (no deployment spans Regions)', () =>
  undefined)
it.skip('F31: two Regions that differ: a revocation in either counts in both (no deployment spans Regions)', () =>
  undefined)
