// Allows a principal an operation on topics and a group: Allow SERVERS PRINCIPAL OPERATION GROUP TOPIC...
// A GROUP that ends with a dot is meant for all groups that begin so; with `transactional:` before it, for transactional ids.
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
        var isTransactional = args[3].startsWith("transactional:");
        var kind = isTransactional ? ResourceType.TRANSACTIONAL_ID : ResourceType.GROUP;
        var pattern = args[3].endsWith(".") ? PatternType.PREFIXED : PatternType.LITERAL;
        var name = args[3].replace("transactional:", "");
        bindings.add(new AclBinding(new ResourcePattern(kind, name, pattern), entry));
        for (int i = 4; i < args.length; i++) {
            bindings.add(new AclBinding(new ResourcePattern(ResourceType.TOPIC, args[i], PatternType.LITERAL), entry));
        }
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
            admin.createAcls(bindings).all().get();
        }
    }
}
