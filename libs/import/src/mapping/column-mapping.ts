import { Type } from 'typebox';
import type { Static } from 'typebox';
import { eventTypePattern } from '@facet/schemas';

const ColumnName = Type.String({ minLength: 1 });

/** The kind of an attribute column. `ignore` leaves the column out. */
const AttributeKind = Type.Union([
  Type.Literal('text'),
  Type.Literal('number'),
  Type.Literal('boolean'),
  Type.Literal('list'),
  Type.Literal('ignore'),
]);

/** How the other columns of an item or user file become attributes. */
const attributeOptions = {
  separator: Type.Optional(
    Type.String({ minLength: 1, description: 'Separator between the values of a cell with several values.' }),
  ),
  attributes: Type.Optional(
    Type.Record(Type.String(), AttributeKind, {
      description: 'Kind of an attribute column, by its name. Default text.',
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

/** The section `mapping:` of facet.yaml: the column of each field. Facet finds unmapped fields by their usual names. */
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
      Type.String({ pattern: eventTypePattern, description: 'Type of the events in a file without a type column.' }),
    ),
    typeNames: Type.Optional(
      Type.Record(Type.String(), Type.String({ pattern: eventTypePattern }), {
        description: 'Event types by their names in the file: { pv: view }.',
      }),
    ),
    timeFormat: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Format of times, with YYYY MM M DD D HH H mm ss SSS: "DD/MM/YYYY HH:mm".',
      }),
    ),
    timeZone: Type.Optional(Type.String({ description: 'IANA time zone of times without a zone. Default UTC.' })),
    items: Type.Optional(ItemMappingSchema),
    users: Type.Optional(UserMappingSchema),
  },
  { additionalProperties: false },
);
export type ColumnMapping = Static<typeof ColumnMappingSchema>;
