import { Type } from 'typebox';
import type { Static } from 'typebox';
import { eventTypePattern } from '@facet/schemas';

const ColumnName = Type.String({ minLength: 1 });

/** How the columns of an attribute are read; `ignore` leaves the column out. */
const AttributeKind = Type.Union([
  Type.Literal('text'),
  Type.Literal('number'),
  Type.Literal('boolean'),
  Type.Literal('list'),
  Type.Literal('ignore'),
]);

/** Of every entity file: how its other columns become attributes. */
const attributeOptions = {
  separator: Type.Optional(
    Type.String({ minLength: 1, description: 'What stands between the values of a cell that holds several.' }),
  ),
  attributes: Type.Optional(
    Type.Record(Type.String(), AttributeKind, {
      description: 'How a column is read, by its name; the default is text.',
    }),
  ),
};

const ItemMappingSchema = Type.Object(
  {
    itemId: Type.Optional(ColumnName),
    title: Type.Optional(ColumnName),
    available: Type.Optional(ColumnName),
    ...attributeOptions,
  },
  { additionalProperties: false },
);
export type ItemMapping = Static<typeof ItemMappingSchema>;

const UserMappingSchema = Type.Object(
  { userId: Type.Optional(ColumnName), ...attributeOptions },
  { additionalProperties: false },
);
export type UserMapping = Static<typeof UserMappingSchema>;

/** The section `mapping:` of facet.yaml: which column is which field. What is not named is found by its usual names. */
export const ColumnMappingSchema = Type.Object(
  {
    eventId: Type.Optional(ColumnName),
    type: Type.Optional(ColumnName),
    userId: Type.Optional(ColumnName),
    itemId: Type.Optional(ColumnName),
    occurredAt: Type.Optional(ColumnName),
    sessionId: Type.Optional(ColumnName),
    recommendationId: Type.Optional(ColumnName),
    position: Type.Optional(ColumnName),
    value: Type.Optional(ColumnName),
    defaultType: Type.Optional(
      Type.String({ pattern: eventTypePattern, description: 'The type of events in a file without a type column.' }),
    ),
    typeNames: Type.Optional(
      Type.Record(Type.String(), Type.String({ pattern: eventTypePattern }), {
        description: 'What the file calls a type, and which type that is: { pv: view }.',
      }),
    ),
    timeFormat: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'How times are written, of YYYY MM M DD D HH H mm ss SSS: "DD/MM/YYYY HH:mm".',
      }),
    ),
    timeZone: Type.Optional(
      Type.String({ description: 'IANA name of the zone of times that name none. Default UTC.' }),
    ),
    items: Type.Optional(ItemMappingSchema),
    users: Type.Optional(UserMappingSchema),
  },
  { additionalProperties: false },
);
export type ColumnMapping = Static<typeof ColumnMappingSchema>;
