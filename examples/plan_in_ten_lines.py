"""The example of the README: from the embedded head to a plan in the folder `plan`."""

import assuage

head = assuage.load_head("colin27")
conductor = assuage.Conductor(head, voxel_mm=2.0)
target = assuage.Target.sphere(head.mni.mni_to_head([[-44, 40, 29]])[0], radius_mm=10)
landscape = conductor.adjoint(target)  # three solves answer every coil pose and every montage
print(landscape.montage(assuage.Montage({"F3": 2e-3, "Fp2": -2e-3})))  # mean field, V/m
field = conductor.solve(assuage.Montage({"F3": 2e-3, "Fp2": -2e-3}))  # the same from one forward solve
print(field.mean_in(target), field.current_A)
plan = assuage.plan(head, target, techniques=["tdcs", "4x1"])
plan.write("plan")
