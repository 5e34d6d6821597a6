import { Type } from 'typebox';
import type { Static } from 'typebox';
import { eventTypePattern } from '@facet/schemas';

/** The name of a column in the file. */
const Column = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

/** The columns of files without a header line. */
const Columns = Type.Optional(
  Type.Array(Type.String({ minLength: 1 }), {
    minItems: 1,
    description:
      'Names of the columns, in order, of CSV and TSV files without a header line: [user_id, item_id, category, type, timestamp].',
  }),
);

/** The kind of an attribute column. `ignore` leaves the column out. */
const AttributeKind = Type.Enum(['text', 'number', 'boolean', 'list', 'ignore']);

const Decimal = Type.Optional(
  Type.Union([Type.Literal('.'), Type.Literal(',')], {
    description: 'Decimal separator. Needed only if numbers such as 1,234 are ambiguous.',
  }),
);

const Words = (meaning: string) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), { description: `Words for ${meaning}, in addition to the usual ones.` }),
  );

const TimeFormat = Type.String({ minLength: 1 });

/** How the cells of a column are read, or those of all columns without settings. */
const cellOptions = {
  decimal: Decimal,
  trueWords: Words('true'),
  falseWords: Words('false'),
  separator: Type.Optional(
    Type.String({ minLength: 1, description: 'Separator between the values of a cell with several values.' }),
  ),
};

/** How the other columns of an item or user file become attributes. */
const attributeOptions = {
  ...cellOptions,
  attributes: Type.Optional(
    Type.Record(
      Type.String(),
      Type.Union([
        AttributeKind,
        Type.Object({ type: AttributeKind, ...cellOptions }, { additionalProperties: false }),
      ]),
      {
        description:
          'Type of an attribute column, by its name: price: number, or price: { type: number, decimal: "," }. Default text.',
      },
    ),
  ),
};

const ItemMappingSchema = Type.Object(
  {
    columns: Columns,
    itemId: Column('Column of the item.'),
    title: Column('Column of the title.'),
    available: Column('Column that says whether the item can be recommended.'),
    ...attributeOptions,
  },
  { additionalProperties: false, description: 'Columns of item files.' },
);
export type ItemMapping = Static<typeof ItemMappingSchema>;

const UserMappingSchema = Type.Object(
  { columns: Columns, userId: Column('Column of the user.'), ...attributeOptions },
  { additionalProperties: false, description: 'Columns of user files.' },
);
export type UserMapping = Static<typeof UserMappingSchema>;

/** The section `mapping:` of facet.yaml: the column of each field. Facet finds unmapped fields by their usual names. */
export const ColumnMappingSchema = Type.Object(
  {
    columns: Columns,
    eventId: Column('Column of the event id. Without it, equal rows count once.'),
    type: Column('Column of the event type.'),
    userId: Column('Column of the user.'),
    itemId: Column('Column of the item.'),
    occurredAt: Column('Column of the time.'),
    sessionId: Column('Column of the visit.'),
    recommendationId: Column('Column of the recommendation that led to the event.'),
    position: Column('Column of the position in the recommendation.'),
    value: Column('Column of the rating, quantity or amount.'),
    defaultType: Type.Optional(
      Type.String({ pattern: eventTypePattern, description: 'Type of the events in a file without a type column.' }),
    ),
    typeNames: Type.Optional(
      Type.Record(Type.String(), Type.String({ pattern: eventTypePattern }), {
        description: 'Event types by their names in the file: { pv: view }.',
      }),
    ),
    encoding: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Encoding of text files, such as windows-1252. Default UTF-8, or UTF-16 with a byte order mark.',
      }),
    ),
    returns: Type.Optional(
      Type.Union([Type.Literal('detect'), Type.Literal('keep')], {
        description:
          'With detect, a purchase with a negative quantity or a canceled invoice (C536379) becomes an event of type return. With keep, it stays a purchase. Default detect.',
      }),
    ),
    missingIds: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        description:
          'Words in columns of ids that mean a missing id. They replace the default words: NULL, NaN, None, NA, \\N and similar. With [], every text is an id.',
      }),
    ),
    decimal: Decimal,
    timeFormat: Type.Optional(
      Type.Union([TimeFormat, Type.Array(TimeFormat, { minItems: 1 })], {
        description:
          'Format of times, or several to try in order, with YYYY YY MMM MM M DD D HH H hh h A mm m ss SSS: "DD/MM/YYYY HH:mm". Excel reads serial dates of Excel, Days reads numbers of days. Times that fit none are read as ISO 8601 or numbers.',
      }),
    ),
    timeZone: Type.Optional(Type.String({ description: 'IANA time zone of times without a zone. Default UTC.' })),
    items: Type.Optional(ItemMappingSchema),
    users: Type.Optional(UserMappingSchema),
  },
  { additionalProperties: false, description: 'Columns of your files. Map only those that Facet does not find.' },
);
export type ColumnMapping = Static<typeof ColumnMappingSchema>;
