"""Turns a CloudFormation or SAM template into JSON, for the Rust tools that read it.

    template.py json   TEMPLATE   the template itself; short forms such as !Ref become their long form
    template.py expand TEMPLATE   what AWS makes of a SAM template; short forms likewise

cfn-lint must see the expansion too: on the SAM form it passes errors that it finds on the expanded one.
"""

import json
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.yaml_helper import yaml_parse


class NoManagedPolicies:
    """The template names no managed policy; looking one up would need a call to AWS."""

    def load(self) -> dict:
        return {}


def with_code_in_a_bucket(template: dict) -> dict:
    """Functions name a folder; the expansion only takes code that is already in a bucket."""
    for resource in template.get("Resources", {}).values():
        if resource.get("Type") == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": "code", "Key": "function.zip"}
    return template


def main() -> None:
    how, path = sys.argv[1], sys.argv[2]
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    if how == "expand":
        from samtranslator.translator.transform import transform

        template = transform(with_code_in_a_bucket(template), {}, NoManagedPolicies())
        template.pop("Transform", None)
    json.dump(template, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
