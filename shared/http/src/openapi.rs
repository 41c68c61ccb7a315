//! The OpenAPI 3.1 document, made from the endpoints and the shapes that the router itself uses, so it can not drift.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::routes::{ENDPOINTS, Endpoint};
use crate::wire::{Kind, Member, Shape};

/// The document of the API that is served at `server`.
pub fn document(server: &str) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut schemas = Map::new();
    for endpoint in ENDPOINTS {
        let method = endpoint.method.to_ascii_lowercase();
        paths.entry(endpoint.path).or_default().insert(method, operation(endpoint));
        for shape in [endpoint.input, endpoint.output].into_iter().flatten() {
            add_schema(&mut schemas, shape);
        }
    }
    schemas.insert("problem".to_owned(), problem_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Vitrine staff API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A repository for digital resources of libraries and archives. JSON and XML; see docs/ for roles and the data model.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" }
        },
        "servers": [{ "url": server }],
        "security": [{ "bearer": [] }, { "apikey": [] }, { "apikey_parameter": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "apikey": { "type": "apiKey", "in": "header", "name": "Authorization", "description": "`apikey KEY`" },
                "apikey_parameter": { "type": "apiKey", "in": "query", "name": "apikey" }
            }
        }
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let in_path = endpoint
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{').and_then(|part| part.strip_suffix('}')));
    let mut parameters: Vec<Value> = in_path
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(
        endpoint
            .query
            .iter()
            .map(|name| json!({ "name": name, "in": "query", "schema": query_schema(name) })),
    );
    if endpoint.output.is_some() {
        let formats = json!({ "type": "string", "enum": ["json", "xml"] });
        parameters.push(json!({ "name": "format", "in": "query", "schema": formats }));
    }
    let success = match (endpoint.output, endpoint.method) {
        (Some(shape), _) => ("200", json!({ "description": "done", "content": content(shape) })),
        (None, "DELETE") => ("204", json!({ "description": "done" })),
        (None, _) => ("200", json!({ "description": "done" })),
    };
    let mut responses = Map::new();
    responses.insert(success.0.to_owned(), success.1);
    let problem = json!({
        "description": "a problem, in the body of RFC 9457 and the vendor's at once",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/problem" } } }
    });
    responses.insert("default".to_owned(), problem);
    let mut operation = json!({
        "operationId": endpoint.id,
        "summary": endpoint.summary,
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(members) = operation.as_object_mut() {
        if let Some(shape) = endpoint.input {
            members.insert("requestBody".to_owned(), json!({ "required": true, "content": content(shape) }));
        }
        if let Some(action) = endpoint.action {
            members.insert("x-vitrine-action".to_owned(), json!(action.to_string()));
        }
        if endpoint.id == "get_openapi" {
            members.insert("security".to_owned(), json!([]));
        }
    }
    operation
}

fn query_schema(name: &str) -> Value {
    match name {
        "limit" => json!({ "type": "integer", "minimum": 0, "maximum": 100, "default": 10 }),
        "offset" => json!({ "type": "integer", "minimum": 0, "maximum": 10_000, "default": 0 }),
        "level" => json!({ "type": "integer", "minimum": 1, "maximum": 5, "default": 1 }),
        "override" | "generate_label" => json!({ "type": "boolean", "default": false }),
        "bibs" => json!({ "type": "string", "enum": ["retain", "suppress", "delete"], "default": "retain" }),
        "representations" => json!({ "type": "string", "enum": ["retain", "delete"], "default": "retain" }),
        "mode" => json!({ "type": "string", "enum": ["replace", "merge"], "default": "replace" }),
        "view" => json!({ "type": "string", "enum": ["full", "brief"], "default": "full" }),
        _ => json!({ "type": "string" }),
    }
}

fn content(shape: &Shape) -> Value {
    let schema = json!({ "schema": { "$ref": format!("#/components/schemas/{}", shape.root) } });
    json!({ "application/json": schema, "application/xml": schema })
}

fn add_schema(schemas: &mut Map<String, Value>, shape: &Shape) {
    if schemas.contains_key(shape.root) {
        return;
    }
    // Put in before its members, so that a shape that holds itself ends.
    schemas.insert(shape.root.to_owned(), Value::Null);
    let mut properties = Map::new();
    for member in shape.members {
        if let Kind::Object(inner) = member.kind {
            add_schema(schemas, inner);
        }
        properties.insert(member.name.to_owned(), member_schema(member));
    }
    let schema = json!({ "type": "object", "properties": properties, "additionalProperties": false, "xml": { "name": shape.root } });
    schemas.insert(shape.root.to_owned(), schema);
}

fn member_schema(member: &Member) -> Value {
    let mut one = match member.kind {
        Kind::Text | Kind::Raw => json!({ "type": "string" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count => json!({ "type": "integer", "minimum": 0 }),
        Kind::Coded => json!({
            "type": "object",
            "properties": { "value": { "type": "string" }, "desc": { "type": "string" }, "link": { "type": "string" } }
        }),
        Kind::Object(shape) => json!({ "$ref": format!("#/components/schemas/{}", shape.root) }),
    };
    if member.many {
        one = json!({ "type": "array", "items": one });
    }
    if let Some(members) = one.as_object_mut() {
        if member.attribute {
            members.insert("xml".to_owned(), json!({ "attribute": true }));
        }
        if member.output_only {
            members.insert("readOnly".to_owned(), json!(true));
        }
    }
    one
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "instance": { "type": "string" },
            "fields": { "type": "array", "items": { "type": "object", "properties": { "field": { "type": "string" }, "message": { "type": "string" } } } },
            "errorsExist": { "type": "boolean" },
            "errorList": { "type": "object", "properties": { "error": { "type": "array", "items": {
                "type": "object",
                "properties": { "errorCode": { "type": "string" }, "errorMessage": { "type": "string" }, "trackingId": { "type": "string" } }
            } } } },
            "result": { "type": "null" }
        }
    })
}
