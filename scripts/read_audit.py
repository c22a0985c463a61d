"""read_audit.py REPORT ERRORS: prints a line for each finding in pip-audit's JSON. Exits with 1 if there is one."""

import json
import sys
from pathlib import Path


def main(report: Path, errors: Path) -> int:
    """Print the findings and return the exit code. `errors` is the file with what pip-audit wrote to stderr."""
    try:
        packages = json.loads(report.read_text(encoding="utf-8"))["dependencies"]
    except (ValueError, KeyError):
        last = (errors.read_text(encoding="utf-8").splitlines() or ["no report"])[-1]
        print(f"NOT AUDITED: the data about vulnerabilities cannot be reached: {last[:200]}")
        return 0
    looked_up = [package for package in packages if "vulns" in package]
    left_out = [package["name"] for package in packages if "vulns" not in package]
    if not looked_up:
        print("NOT AUDITED: the package index here has no data about vulnerabilities.")
        return 0
    found = [(package, one) for package in looked_up for one in package["vulns"]]
    for package, one in found:
        fixed_in = ", ".join(one["fix_versions"]) or "no version yet"
        print(f"VULNERABLE: {package['name']} {package['version']}: {one['id']}, fixed in {fixed_in}")
    print(f"{len(looked_up)} packages audited, {len(found)} vulnerabilities.")
    if left_out:
        print(f"NOT AUDITED: {', '.join(left_out)}: the package index does not know them.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
