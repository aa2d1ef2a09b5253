"""A small reader of binary glTF, written for the tests alone."""

import json
import struct
from itertools import pairwise

import numpy as np

TYPES = {5120: "i1", 5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC3": 3}
COMPONENTS = {
    **{f"{sign}INT{8 * size}": f"<{letter}{size}" for sign, letter in (("", "i"), ("U", "u")) for size in (1, 2, 4, 8)},
    "FLOAT32": "<f4",
}


class Glb:
    """A file, taken apart."""

    def __init__(self, data: bytes) -> None:
        magic, version, total = struct.unpack("<4sII", data[:12])
        assert (magic, version, total) == (b"glTF", 2, len(data))
        n_json, kind = struct.unpack("<I4s", data[12:20])
        assert kind == b"JSON"
        self.json = json.loads(data[20 : 20 + n_json])
        n_binary, kind = struct.unpack("<I4s", data[20 + n_json : 28 + n_json])
        assert kind == b"BIN\0"
        self.binary = data[28 + n_json :]
        assert len(self.binary) == n_binary
        assert (28 + n_json) % 8 == 0

    def view(self, number: int, count: int = 0) -> bytes:
        view = self.json["bufferViews"][number]
        packed = view.get("extensions", {}).get("EXT_meshopt_compression")
        if packed is None:
            assert view["byteOffset"] % 8 == 0
            return self.binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
        import meshopt

        data = self.binary[packed["byteOffset"] : packed["byteOffset"] + packed["byteLength"]]
        return meshopt.decode_gltf_buffer(
            data, packed["count"], packed["byteStride"], packed["mode"], packed.get("filter")
        ).tobytes()

    def array(self, number: int) -> np.ndarray:
        accessor = self.json["accessors"][number]
        kind, width = np.dtype(TYPES[accessor["componentType"]]), WIDTHS[accessor["type"]]
        stride = self.json["bufferViews"][accessor["bufferView"]].get("byteStride", kind.itemsize * width)
        rows = np.frombuffer(self.view(accessor["bufferView"]), dtype=kind)
        return rows.reshape(accessor["count"], stride // kind.itemsize)[:, :width]

    def mesh(self, number: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Vertices and normals with z up, features, triangles."""
        node = self.json["nodes"][number]
        primitive = self.json["meshes"][node["mesh"]]["primitives"][0]
        at = primitive["attributes"]
        xyz = self.array(at["POSITION"]) * np.array(node.get("scale", [1.0] * 3)) + node.get("translation", [0.0] * 3)
        normal = self.array(at["NORMAL"]).astype(float)
        if self.json["accessors"][at["NORMAL"]].get("normalized"):
            normal /= 127.0
        feature = self.array(at["_FEATURE_ID_0"])[:, 0].astype(int) if "_FEATURE_ID_0" in at else None
        triangles = self.array(primitive["indices"]).reshape(-1, 3).astype(int)
        return xyz[:, [0, 2, 1]] * [1, -1, 1], normal[:, [0, 2, 1]] * [1, -1, 1], feature, triangles

    def table(self, number: int = 0) -> dict[str, list]:
        """Values of a property table, None where there is none."""
        metadata = self.json["extensions"]["EXT_structural_metadata"]
        table = metadata["propertyTables"][number]
        properties = metadata["schema"]["classes"][table["class"]]["properties"]
        found = {}
        for name, stored in table["properties"].items():
            about, data, n = properties[name], self.view(stored["values"]), table["count"]
            match about["type"]:
                case "STRING":
                    ends = np.frombuffer(self.view(stored["stringOffsets"]), COMPONENTS[stored["stringOffsetType"]])
                    values = [data[a:b].decode() for a, b in pairwise(ends)]
                case "BOOLEAN":
                    values = np.unpackbits(np.frombuffer(data, "u1"), bitorder="little")[:n].astype(bool).tolist()
                case "ENUM":
                    enum = metadata["schema"]["enums"][about["enumType"]]
                    names = {value["value"]: value["name"] for value in enum["values"]}
                    values = [names[code] for code in np.frombuffer(data, COMPONENTS[enum["valueType"]])[:n].tolist()]
                case _:
                    values = np.frombuffer(data, COMPONENTS[about["componentType"]])[:n].tolist()
            found[name] = [None if value == about.get("noData", object()) else value for value in values]
        return found
