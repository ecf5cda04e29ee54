// Allows a principal an operation on topics and a group: Allow SERVERS PRINCIPAL OPERATION GROUP TOPIC...
// Run as a source file, for the jars that the tests fetch hold no AclCommand.

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

public class Allow {
    public static void main(String[] args) throws Exception {
        var entry = new AccessControlEntry(args[1], "*", AclOperation.fromString(args[2]), AclPermissionType.ALLOW);
        List<AclBinding> bindings = new ArrayList<>();
        bindings.add(new AclBinding(new ResourcePattern(ResourceType.GROUP, args[3], PatternType.LITERAL), entry));
        for (int i = 4; i < args.length; i++) {
            bindings.add(new AclBinding(new ResourcePattern(ResourceType.TOPIC, args[i], PatternType.LITERAL), entry));
        }
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
            admin.createAcls(bindings).all().get();
        }
    }
}
