"""Local clusters for the tests of this room: started once, on first use, and stopped at the end."""

import os
import shutil
import warnings
from pathlib import Path

import pytest

ROOT = str(Path(__file__).resolve().parents[2])


@pytest.fixture(scope="session")
def ray_cluster():
    """Ray on two cores of this machine."""
    ray = pytest.importorskip("ray")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = ROOT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    _restore("PYTHONPATH", before)
    yield ray
    ray.shutdown()


@pytest.fixture(scope="session")
def spark_session():
    """Spark on two cores of this machine, through the door of the room itself."""
    pytest.importorskip("pyspark")
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        pytest.skip("no Java")
    from thrifty.run import on_spark

    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = ROOT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = on_spark._session(2)
    _restore("PYTHONPATH", before)
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


def _restore(name, value):
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
