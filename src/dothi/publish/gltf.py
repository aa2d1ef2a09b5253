"""Binary glTF: triangles with the rows of a table behind them, as small as the means at hand allow."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from dothi import __version__
from dothi.errors import EngineMissingError
from dothi.publish.properties import Properties
from dothi.shapes import Floats, Integers

Packing = Literal["meshopt", "quantised", "plain"]
"""How arrays are packed: meshopt and quantised, quantised alone, or 32-bit floats that every reader knows."""

STEPS_M: Final = (0.01, 0.02)
"""Steps of quantised places, the finest first; where 16 bits of the coarsest do not span a mesh, floats do."""
FEATURE: Final = "_FEATURE_ID_0"
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
BYTE, UNSIGNED_BYTE, UNSIGNED_SHORT, UNSIGNED_INT, FLOAT = 5120, 5121, 5123, 5125, 5126
LONGEST_U16: Final = 65_535


def packing_at_hand(wanted: Packing | None = None) -> Packing:
    """
    The packing wanted, or the best that this installation can write.

    Raises
    ------
    EngineMissingError
        The packing wanted needs a library that is not installed.
    """
    found = find_spec("meshopt") is not None
    if wanted == "meshopt" and not found:
        raise EngineMissingError("geometry is compressed by meshopt: pip install 'dothi[export]'")
    return wanted or ("meshopt" if found else "quantised")


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """
    Triangles in a frame of their own: x east, y north, z up [m].

    Attributes
    ----------
    xyz : (n_vertices, 3)
        Vertices [m].
    normal : (n_vertices, 3)
        Unit vectors out of the surface.
    feature : (n_vertices,)
        Row of a property table that each vertex belongs to.
    triangles : (n_triangles, 3)
        Vertices of the triangles, counter-clockwise seen from outside.
    """

    xyz: Floats
    normal: Floats
    feature: Integers
    triangles: Integers

    def __len__(self) -> int:
        return len(self.triangles)


def limits_of(points: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Least and greatest values of the columns of an array (n, k); column by column, which is many times faster."""
    return np.array([column.min() for column in points.T]), np.array([column.max() for column in points.T])


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Several meshes of one frame and one table as one."""
    shift = np.concatenate([[0], np.cumsum([len(mesh.xyz) for mesh in meshes])[:-1]]).astype(np.int64)
    return Mesh(
        np.concatenate([mesh.xyz for mesh in meshes]),
        np.concatenate([mesh.normal for mesh in meshes]),
        np.concatenate([mesh.feature for mesh in meshes]),
        np.concatenate([mesh.triangles + start for mesh, start in zip(meshes, shift, strict=True)]),
    )


def _in_order_of_use(mesh: Mesh) -> Mesh:
    """A mesh whose triangles share vertices, both in an order that packs well and that graphics processors like."""
    import meshopt

    triangles, place, n_used = meshopt.reorder_mesh(mesh.triangles.astype(np.uint32).ravel(), True, True)
    used = place < n_used  # vertices of no triangle have no place
    vertex = np.empty(n_used, dtype=np.int64)
    vertex[place[used]] = np.flatnonzero(used)
    return Mesh(mesh.xyz[vertex], mesh.normal[vertex], mesh.feature[vertex], triangles.reshape(-1, 3))


@dataclass(frozen=True, slots=True)
class Material:
    """
    How a surface looks in daylight.

    Attributes
    ----------
    name
        Shown in editors.
    colour
        Red, green, blue of the surface, linear, 0 to 1.
    roughness
        0 for a mirror, 1 for chalk.
    two_sided
        Whether it is seen from behind, too.
    """

    name: str
    colour: tuple[float, float, float]
    roughness: float = 0.95
    two_sided: bool = False

    def document(self) -> dict[str, Any]:
        """As glTF has it."""
        look = {"baseColorFactor": [*self.colour, 1.0], "metallicFactor": 0.0, "roughnessFactor": self.roughness}
        return {"name": self.name, "pbrMetallicRoughness": look, **({"doubleSided": True} if self.two_sided else {})}


@dataclass(slots=True)
class Glb:
    """
    A binary glTF file in the making.

    Attributes
    ----------
    packing
        How arrays are packed.
    name
        Name of the scene.
    copyright
        Whom the data are owed to.
    extras
        What else to say about the file.
    """

    packing: Packing = "plain"
    name: str = ""
    copyright: str = ""
    extras: Mapping[str, Any] = field(default_factory=dict)
    _binary: list[bytes] = field(default_factory=list)
    _length: int = 0
    _unpacked: int = 0
    _views: list[dict[str, Any]] = field(default_factory=list)
    _accessors: list[dict[str, Any]] = field(default_factory=list)
    _meshes: list[dict[str, Any]] = field(default_factory=list)
    _nodes: list[dict[str, Any]] = field(default_factory=list)
    _materials: dict[Material, int] = field(default_factory=dict)
    _schema: dict[str, Any] = field(default_factory=dict)
    _tables: list[dict[str, Any]] = field(default_factory=list)
    _extensions: set[str] = field(default_factory=set)

    # ── what a city has ──────────────────────────────────────────────────────────────────────────

    def add_mesh(
        self, name: str, mesh: Mesh, material: Material, table: int | None = None, step_m: float | None = None
    ) -> None:
        """
        Add a node with one mesh.

        Parameters
        ----------
        name
            Name of the node.
        mesh
            At least one triangle.
        material
            How it looks.
        table
            Property table that its features are rows of.
        step_m
            Step of quantised places [m]; where None, the finest of `STEPS_M` that spans the mesh in 16 bits. Meshes
            that meet need the same.
        """
        if self.packing == "meshopt" and len(mesh.xyz) < len(mesh.triangles):
            mesh = _in_order_of_use(mesh)
        node: dict[str, Any] = {"name": name, "mesh": len(self._meshes)}
        attributes = {"POSITION": self._add_places(mesh.xyz, node, step_m), "NORMAL": self._add_normals(mesh.normal)}
        primitive: dict[str, Any] = {
            "attributes": attributes,
            "indices": self._add_triangles(mesh.triangles, len(mesh.xyz)),
            "material": self._materials.setdefault(material, len(self._materials)),
        }
        if table is not None:
            attributes[FEATURE] = self._add_features(mesh.feature)
            self._extensions.add("EXT_mesh_features")
            ids = {"featureCount": self._tables[table]["count"], "attribute": 0, "propertyTable": table}
            primitive["extensions"] = {"EXT_mesh_features": {"featureIds": [ids]}}
        self._meshes.append({"name": name, "primitives": [primitive]})
        self._nodes.append(node)

    def add_table(self, columns: Properties, rows: Integers) -> int:
        """Add a property table with some rows; returns its number."""
        self._extensions.add("EXT_structural_metadata")
        for kind, definitions in columns.schema().items():
            self._schema.setdefault(kind, {}).update(definitions)
        properties = {}
        for name, arrays in columns.arrays(rows):
            properties[name] = {
                key: value if isinstance(value, str) else self._add_view(value.tobytes())
                for key, value in arrays.items()
            }
        self._tables.append(
            {"name": columns.table, "class": columns.table, "count": len(rows), "properties": properties}
        )
        return len(self._tables) - 1

    @property
    def length(self) -> int:
        """Bytes of all arrays so far."""
        return self._length

    def build(self) -> bytes:
        """The file."""
        used = sorted(self._extensions)
        required = [name for name in used if name in ("KHR_mesh_quantization", "EXT_meshopt_compression")]
        document: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": f"Dothi {__version__}"},
            "scene": 0,
            "scenes": [{"nodes": list(range(len(self._nodes)))}],
            "nodes": self._nodes,
            "meshes": self._meshes,
            "materials": [material.document() for material in self._materials],
            "accessors": self._accessors,
            "bufferViews": self._views,
        }
        if self.name:
            document["scenes"][0]["name"] = self.name
        if self.copyright:
            document["asset"]["copyright"] = self.copyright
        if self.extras:
            document["asset"]["extras"] = dict(self.extras)
        if used:
            document["extensionsUsed"] = used
        if required:
            document["extensionsRequired"] = required
        if self._tables:
            metadata = {"schema": {"id": "dothi", **self._schema}, "propertyTables": self._tables}
            document["extensions"] = {"EXT_structural_metadata": metadata}
        self._align(4)
        document["buffers"] = [{"byteLength": self._length}]
        if self._unpacked:
            fallback = {"EXT_meshopt_compression": {"fallback": True}}
            document["buffers"].append({"byteLength": self._unpacked, "extensions": fallback})
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
        text += b" " * (-(12 + 8 + len(text) + 8) % 8)  # so that the binary part begins at a multiple of 8
        total = 12 + 8 + len(text) + 8 + self._length
        return b"".join(
            [
                struct.pack("<4sII", b"glTF", 2, total),
                struct.pack("<I4s", len(text), b"JSON"),
                text,
                struct.pack("<I4s", self._length, b"BIN\0"),
                *self._binary,
            ]
        )

    # ── arrays ───────────────────────────────────────────────────────────────────────────────────

    def _add_places(self, xyz: Floats, node: dict[str, Any], step_m: float | None) -> int:
        turned = np.column_stack([xyz[:, 0], xyz[:, 2], -xyz[:, 1]])  # y is up in glTF
        low, high = limits_of(turned)
        if self.packing == "plain":
            return self._add_array(turned.astype("<f4"), FLOAT, "VEC3", limits=True)
        span = float((high - low).max())
        step = step_m or next((step for step in STEPS_M if span <= (LONGEST_U16 - 1) * step), STEPS_M[-1])
        # Whole steps from the origin of the frame: vertices that meshes share stay together.
        first = np.floor(low / step)
        node["translation"], node["scale"] = (first * step).tolist(), [step] * 3
        places = np.rint(turned / step) - first
        if np.rint(high / step - first).max() <= LONGEST_U16:
            self._extensions.add("KHR_mesh_quantization")
            return self._add_array(places.astype("<u2"), UNSIGNED_SHORT, "VEC3", limits=True)
        return self._add_array(places.astype("<f4"), FLOAT, "VEC3", limits=True)

    def _add_normals(self, normal: Floats) -> int:
        turned = np.column_stack([normal[:, 0], normal[:, 2], -normal[:, 1]])
        if self.packing == "plain":
            return self._add_array(turned.astype("<f4"), FLOAT, "VEC3")
        self._extensions.add("KHR_mesh_quantization")
        return self._add_array(np.rint(turned * 127.0).astype("i1"), BYTE, "VEC3", normalised=True)

    def _add_features(self, feature: Integers) -> int:
        if feature.max(initial=0) <= LONGEST_U16:
            return self._add_array(feature.astype("<u2")[:, None], UNSIGNED_SHORT, "SCALAR")
        return self._add_array(feature.astype("<f4")[:, None], FLOAT, "SCALAR")

    def _add_array(
        self, values: NDArray[Any], component: int, kind: str, *, limits: bool = False, normalised: bool = False
    ) -> int:
        """Accessor of an array (n, k), each row on a multiple of four bytes."""
        count, width = values.shape
        stride = -(-values.itemsize * width // 4) * 4
        padded = np.zeros((count, stride // values.itemsize), dtype=values.dtype)
        padded[:, :width] = values
        accessor: dict[str, Any] = {"componentType": component, "count": count, "type": kind}
        if normalised:
            accessor["normalized"] = True
        if limits:
            accessor["min"], accessor["max"] = (limit.tolist() for limit in limits_of(values))
        if self.packing == "meshopt":
            accessor["bufferView"] = self._add_packed(padded, component == FLOAT and width > 1)
        else:
            accessor["bufferView"] = self._add_view(padded.tobytes(), target=ARRAY_BUFFER, byteStride=stride)
        self._accessors.append(accessor)
        return len(self._accessors) - 1

    def _add_packed(self, rows: NDArray[Any], whole_numbers: bool) -> int:
        """View of rows packed by meshopt; floats that are whole numbers keep 24 bits, which holds them exactly."""
        import meshopt

        count, stride = len(rows), rows.itemsize * rows.shape[1]
        packing: dict[str, Any] = {"mode": "ATTRIBUTES"}
        if whole_numbers:
            packing["filter"] = "EXPONENTIAL"
            rows = meshopt.encode_filter_exp(rows, 24, "Clamped")
        data = meshopt.encode_gltf_buffer(rows.view(np.uint8).reshape(count, stride), "ATTRIBUTES")
        return self._add_packed_view(data, count, stride, packing, target=ARRAY_BUFFER, byteStride=stride)

    def _add_triangles(self, triangles: Integers, n_vertices: int) -> int:
        short = n_vertices <= LONGEST_U16
        kind = np.dtype("<u2" if short else "<u4")
        accessor = {
            "componentType": UNSIGNED_SHORT if short else UNSIGNED_INT,
            "count": triangles.size,
            "type": "SCALAR",
        }
        if self.packing == "meshopt":
            import meshopt

            data = meshopt.encode_gltf_buffer(np.ascontiguousarray(triangles, dtype=np.uint32), "TRIANGLES")
            accessor["bufferView"] = self._add_packed_view(
                data, triangles.size, kind.itemsize, {"mode": "TRIANGLES"}, target=ELEMENT_ARRAY_BUFFER
            )
        else:
            accessor["bufferView"] = self._add_view(triangles.astype(kind).tobytes(), target=ELEMENT_ARRAY_BUFFER)
        self._accessors.append(accessor)
        return len(self._accessors) - 1

    # ── bytes ────────────────────────────────────────────────────────────────────────────────────

    def _align(self, multiple: int) -> None:
        gap = -self._length % multiple
        if gap:
            self._binary.append(bytes(gap))
            self._length += gap

    def _append(self, data: bytes) -> int:
        """Append bytes at a multiple of 8; returns where."""
        self._align(8)
        start = self._length
        self._binary.append(data)
        self._length += len(data)
        return start

    def _add_view(self, data: bytes, **more: int) -> int:
        data = data or bytes(1)  # a view has at least one byte
        self._views.append({"buffer": 0, "byteOffset": self._append(data), "byteLength": len(data), **more})
        return len(self._views) - 1

    def _add_packed_view(self, data: bytes, count: int, stride: int, packing: dict[str, Any], **more: int) -> int:
        self._extensions.add("EXT_meshopt_compression")
        packed = {"buffer": 0, "byteOffset": self._append(data), "byteLength": len(data), "byteStride": stride}
        view: dict[str, Any] = {"buffer": 1, "byteOffset": self._unpacked, "byteLength": count * stride, **more}
        view["extensions"] = {"EXT_meshopt_compression": {**packed, "count": count, **packing}}
        self._unpacked += -(-count * stride // 8) * 8
        self._views.append(view)
        return len(self._views) - 1
