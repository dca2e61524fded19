"""Installs what is missing and builds the programs."""
import os
import shutil
import subprocess

from .machine import output, say
from .servers import PACKAGES, PROGRAMS


def missing_packages():
    lines = output(["dpkg-query", "-W", "-f=${db:Status-Status} ${Package}\n", *PACKAGES]).split("\n")
    missing = [package for package in PACKAGES if f"installed {package}" not in lines]
    return missing + [package for program, package in PROGRAMS.items() if not shutil.which(program)]


def install(allowed):
    if not shutil.which("dpkg-query"):
        say("not a Debian system: comparing with those peers that are here")
        return
    missing = missing_packages()
    if not missing:
        return
    if not allowed:
        say(f"missing, so some peers are left out: {' '.join(missing)}")
        return
    say(f"installing {' '.join(missing)}")
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=600"]
    if os.geteuid() != 0:
        apt.insert(0, "sudo")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*apt, "update"], env=environment, check=False)
    subprocess.run([*apt, "install", "-y", "--no-install-recommends", *missing], env=environment,
                   stdout=subprocess.DEVNULL, check=True)


def build(root, with_libasync, jobs):
    """Returns the build directory and the directory of the programs."""
    if with_libasync:
        directory = root / "build/bench"
        configure, programs = ["cmake", "--preset", "bench"], directory / "bench"
    else:
        directory = programs = root / "build/peers"
        configure = ["cmake", "-S", str(root / "bench"), "-B", str(directory), "-G", "Ninja",
                     "-DCMAKE_BUILD_TYPE=Release"]
    say(f"building in {directory.relative_to(root)}")
    configured = quietly(configure, root)
    for line in configured.splitlines():
        if "bench: " in line:
            say(line.replace("-- bench:", "  "))
    quietly(["cmake", "--build", str(directory), "-j", str(jobs)], root)
    return directory, programs


def quietly(command, directory):
    """Returns what the command prints; if it fails, shows that and ends the program."""
    done = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stdout + f"\nfailed: {' '.join(command)}")
    return done.stdout
